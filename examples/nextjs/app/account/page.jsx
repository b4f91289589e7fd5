import { UserProfile } from "@clerk/nextjs";
import { currentUser } from "@clerk/nextjs/server";

/** Rendered on the server; `proxy.js` lets only users through. */
export default async function Account() {
  const user = await currentUser();
  return (
    <>
      <h1>Your account</h1>
      <p>
        You are <code id="user-id">{user.id}</code>.
      </p>
      <ul>
        {user.phoneNumbers.map(({ id, phoneNumber }) => (
          <li key={id}>{phoneNumber}</li>
        ))}
      </ul>
      <UserProfile routing="hash" />
    </>
  );
}
