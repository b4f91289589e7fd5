// PhoneProof's API for a page, by fetch alone. The browser carries the cookie; every change answers the client's new state.

const { address } = await (await fetch("/config.json")).json();

/** What PhoneProof last said of this browser: `{ sessions, sign_in, sign_up, last_active_session_id, … }`, or null. */
export let client = null;

/** An answer of PhoneProof that is no success: `code` is for programs, `message` for people. */
export class Refused extends Error {
  constructor(status, { code, long_message }) {
    super(long_message);
    Object.assign(this, { status, code });
  }
}

async function call(method, path, parameters) {
  const answer = await fetch(`${address}/v1/${path}`, {
    method,
    credentials: "include",
    body: parameters && new URLSearchParams(parameters),
  });
  const body = await answer.json();
  if (!answer.ok) throw new Refused(answer.status, body.errors[0]);
  if (body.client !== undefined && method !== "GET") client = body.client;
  return "response" in body ? body.response : body;
}

/** Asks for the state that the server has, as a page does when it is loaded. */
export async function load() {
  client = await call("GET", "client");
}

export const session = () => client?.sessions.find(({ id, status }) => id === client.last_active_session_id && status === "active");
export const user = () => session()?.user;

/** A fresh token for your own API; it is valid for a minute. */
export const token = async () => (await call("POST", `client/sessions/${session().id}/tokens`)).jwt;

// Sign-up: a number, then the code that was texted to it.

export async function signUp(phone_number) {
  const { id } = await call("POST", "client/sign_ups", { phone_number });
  return call("POST", `client/sign_ups/${id}/prepare_verification`, { strategy: "phone_code" });
}
export const finishSignUp = (code) => call("POST", `client/sign_ups/${client.sign_up.id}/attempt_verification`, { strategy: "phone_code", code });

// Sign-in: a number, a first factor, and a second one if the user has it.

export const signIn = (identifier) => call("POST", "client/sign_ins", { identifier });

export function sendFirstCode() {
  const { id, identifier, supported_first_factors } = client.sign_in;
  const factor = supported_first_factors.find(({ strategy, safe_identifier }) => strategy === "phone_code" && safe_identifier === identifier);
  return call("POST", `client/sign_ins/${id}/prepare_first_factor`, { strategy: "phone_code", phone_number_id: factor.phone_number_id });
}
export const firstFactor = (factor) => call("POST", `client/sign_ins/${client.sign_in.id}/attempt_first_factor`, factor);
export const sendSecondCode = () => call("POST", `client/sign_ins/${client.sign_in.id}/prepare_second_factor`, { strategy: "phone_code" });
export const secondFactor = (factor) => call("POST", `client/sign_ins/${client.sign_in.id}/attempt_second_factor`, factor);

export const signOut = () => call("DELETE", "client/sessions");

// The user's numbers, second factor, backup codes and password.

export const numbers = () => call("GET", "me/phone_numbers");
export const addNumber = (phone_number) => call("POST", "me/phone_numbers", { phone_number });
export const prepareVerification = ({ id }) => call("POST", `me/phone_numbers/${id}/prepare_verification`, { strategy: "phone_code" });
export const attemptVerification = ({ id }, { code }) => call("POST", `me/phone_numbers/${id}/attempt_verification`, { code });
export const setReservedForSecondFactor = ({ id }, { reserved }) => call("PATCH", `me/phone_numbers/${id}`, { reserved_for_second_factor: reserved });
export const makeDefaultSecondFactor = ({ id }) => call("PATCH", `me/phone_numbers/${id}`, { default_second_factor: true });
export const destroy = ({ id }) => call("DELETE", `me/phone_numbers/${id}`);
export const newBackupCodes = async () => (await call("POST", "me/backup_codes")).codes;
export const setPassword = (new_password) => call("POST", "me/change_password", { new_password });

// Changes of the above want the strongest factor, not older than ten minutes; else they are refused with this code.

export const needsReverification = (error) => error instanceof Refused && error.code === "session_reverification_required";
export async function startReverification() {
  const { id } = session();
  const { status } = await call("POST", `client/sessions/${id}/verify`, { level: "second_factor" });
  if (status === "needs_second_factor") await call("POST", `client/sessions/${id}/verify/prepare_second_factor`, { strategy: "phone_code" });
}
export const finishReverification = (code) =>
  call("POST", `client/sessions/${session().id}/verify/attempt_second_factor`, { strategy: "phone_code", code });
