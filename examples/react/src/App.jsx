import { RedirectToSignIn, Show, SignIn, SignOutButton, SignUp, UserProfile, useUser } from "@clerk/react";

const PAGES = {
  "/": Home,
  "/sign-in": () => <SignIn routing="hash" fallbackRedirectUrl="/account" />,
  "/sign-up": () => <SignUp routing="hash" fallbackRedirectUrl="/account" />,
  "/account": Account,
};

export function App() {
  const Page = PAGES[location.pathname] ?? (() => <h1>No such page</h1>);
  return (
    <>
      <nav>
        <a href="/">Home</a> <a href="/account">Account</a>{" "}
        <Show when="signed-in" fallback={<a href="/sign-in">Sign in</a>}>
          <SignOutButton />
        </Show>
      </nav>
      <main>
        <Page />
      </main>
    </>
  );
}

function Home() {
  return (
    <>
      <h1>React with PhoneProof</h1>
      <Show when="signed-out">
        <a href="/sign-up">Sign up with your phone number</a>
      </Show>
    </>
  );
}

/** Whoever is not signed in is led to the sign-in page, and back here afterwards. */
function Account() {
  return (
    <Show when="signed-in" fallback={<RedirectToSignIn />}>
      <Numbers />
      <UserProfile routing="hash" />
    </Show>
  );
}

function Numbers() {
  const { user } = useUser();
  if (!user) return null;
  return (
    <>
      <h1>Your account</h1>
      <p>
        You are <code id="user-id">{user.id}</code>.
      </p>
      <ul>
        {user.phoneNumbers.map((number) => (
          <li key={number.id}>
            {number.phoneNumber}
            {number.reservedForSecondFactor && " (second factor)"}
          </li>
        ))}
      </ul>
    </>
  );
}
