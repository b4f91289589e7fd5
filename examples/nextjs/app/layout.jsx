import { ClerkProvider, Show, SignOutButton } from "@clerk/nextjs";
import Link from "next/link";

export const metadata = { title: "Next.js with PhoneProof" };

export default function Layout({ children }) {
  return (
    <html lang="en">
      <body>
        <ClerkProvider
          proxyUrl="/__clerk"
          signInUrl="/sign-in"
          signUpUrl="/sign-up"
          signInFallbackRedirectUrl="/account"
          signUpFallbackRedirectUrl="/account"
        >
          <nav>
            <Link href="/">Home</Link> <Link href="/account">Account</Link>{" "}
            <Show when="signed-in" fallback={<Link href="/sign-in">Sign in</Link>}>
              <SignOutButton />
            </Show>
          </nav>
          <main>{children}</main>
        </ClerkProvider>
      </body>
    </html>
  );
}
