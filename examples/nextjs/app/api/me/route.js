import { auth, clerkClient } from "@clerk/nextjs/server";

export async function GET() {
  const { userId } = await auth();
  if (!userId) return Response.json({ error: "not signed in" }, { status: 401 });
  const clerk = await clerkClient();
  const user = await clerk.users.getUser(userId);
  return Response.json({ userId, phoneNumbers: user.phoneNumbers.map(({ phoneNumber }) => phoneNumber) });
}
