import { verifyWebhook } from "@clerk/nextjs/webhooks";

export async function POST(request) {
  try {
    const event = await verifyWebhook(request);
    console.log(event.type, event.data.id ?? "");
    return new Response(null, { status: 204 });
  } catch {
    return new Response(null, { status: 400 });
  }
}
