import Link from "next/link";

export default function Home() {
  return (
    <>
      <h1>Next.js with PhoneProof</h1>
      <Link href="/sign-up">Sign up with your phone number</Link>
    </>
  );
}
