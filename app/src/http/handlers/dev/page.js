// The development page: the handset shows the texts, the form walks through the public API.

const MESSAGES_SHOWN = 60;

const $ = (selector, root = document) => root.querySelector(selector);
const clockTime = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });

const state = {
  user: new URLSearchParams(location.search).get("user") || "user_demo",
  token: null,
  me: null,
  numbers: [],
  /** Backup codes that the last answer issued; the server never shows them again. */
  backupCodes: null,
  /** Phone number id → when the server takes the next request for a code. */
  retryAt: new Map(),
};

// ---- The API ---------------------------------------------------------------------------------

class Refusal extends Error {
  constructor(status, error, retryAfter) {
    super(error?.long_message ?? error?.message ?? `The server answered ${status}.`);
    this.code = error?.code ?? String(status);
    this.parameter = error?.meta?.param_name;
    this.retryAfter = retryAfter;
  }
}

async function request(path, options) {
  try {
    return await fetch(path, { cache: "no-store", ...options });
  } catch {
    throw new Refusal(0, { code: "no_answer", message: "The server does not answer. Is it still running?" });
  }
}

async function tokenOf(user) {
  if (state.token?.user !== user) {
    const answer = await request("token", { method: "POST", body: new URLSearchParams({ user }) });
    const body = await answer.json().catch(() => null);
    if (!answer.ok) throw new Refusal(answer.status, body?.errors?.[0]);
    state.token = { user, value: body.token };
  }
  return state.token.value;
}

/** Calls the user API; verbs other than GET and POST travel in `_method`, as Clerk's SDK sends them. */
async function call(verb, path, fields = {}) {
  const user = state.user;
  const method = verb === "GET" ? "GET" : "POST";
  const url = verb === method ? path : `${path}?_method=${verb}`;
  const send = async () =>
    request(url, {
      method,
      headers: { Authorization: `Bearer ${await tokenOf(user)}` },
      body: method === "POST" ? new URLSearchParams(fields) : undefined,
    });
  let answer = await send();
  if (answer.status === 401) {
    state.token = null;
    answer = await send();
  }
  const text = await answer.text();
  const body = parsed(text);
  if (method === "POST") showRequest({ method, url, fields, status: answer.status, answer: body ?? text });
  if (!answer.ok) {
    throw new Refusal(answer.status, body?.errors?.[0], Number(answer.headers.get("Retry-After")) || undefined);
  }
  return body?.response ?? body;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

let refreshes = 0;

async function refresh() {
  const turn = ++refreshes;
  const [me, numbers] = await Promise.all([call("GET", "/v1/me"), call("GET", "/v1/me/phone_numbers")]);
  if (turn !== refreshes) return; // A later one, perhaps of another user, is under way.
  Object.assign(state, { me, numbers });
  if (!me.two_factor_enabled) state.backupCodes = null;
  render();
}

// ---- What the user does ----------------------------------------------------------------------

/** Runs one action of a button: busy while it lasts, then the new state or the error in `slot`. */
async function act(button, slot, action) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  hideError();
  let refusal = null;
  try {
    await action();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    refusal = error;
  } finally {
    button.removeAttribute("aria-disabled");
  }
  // A refusal changes the state as well: a wrong code counts.
  await refresh().catch((error) => (refusal ??= error));
  if (refusal) showError(refusal, slot);
  tick();
  keepFocus(slot);
}

/** The button that was pressed may be gone; the keyboard goes on from the heading it stood under. */
function keepFocus(slot) {
  if (document.activeElement !== document.body) return;
  const place = slot.isConnected ? slot.closest("li, section") : $("#numbers").parentElement;
  $("h3, h2", place).focus({ preventScroll: true });
}

const path = (id, rest = "") => `/v1/me/phone_numbers/${encodeURIComponent(id)}${rest}`;

const actions = {
  "send-code": async ({ id }) => {
    try {
      await call("POST", path(id, "/prepare_verification"), { strategy: "phone_code" });
      focusLater(id, ".code-input");
    } catch (error) {
      if (error.retryAfter) state.retryAt.set(id, Date.now() + error.retryAfter * 1000);
      throw error;
    }
  },
  verify: ({ id }, card) => call("POST", path(id, "/attempt_verification"), { code: $(".code-input", card).value }),
  reserve: async ({ id }) => {
    const number = await call("PATCH", path(id), { reserved_for_second_factor: "true" });
    if (number.backup_codes?.length) showBackupCodes(number.backup_codes);
  },
  unreserve: ({ id }) => call("PATCH", path(id), { reserved_for_second_factor: "false" }),
  "make-default": ({ id }) => call("PATCH", path(id), { default_second_factor: "true" }),
  "make-primary": ({ id }) => call("PATCH", "/v1/me", { primary_phone_number_id: id }),
  remove: ({ id }) => call("DELETE", path(id)),
};

/** Moves the focus once the coming state is drawn: its target may not be there yet. */
let focusAfterRender = null;

function focusLater(id, selector) {
  focusAfterRender = () => $(selector, cards.get(id)?.root ?? document)?.focus();
}

function showBackupCodes(codes) {
  state.backupCodes = codes;
  focusAfterRender = () => $("#backup-title").focus();
}

$("#add-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const input = $("#phone-number-input");
  act($("#add-number"), $("#add-error"), async () => {
    const number = await call("POST", "/v1/me/phone_numbers", { phone_number: input.value });
    input.value = "";
    focusLater(number.id, '[data-action="send-code"]');
  });
});

$("#add-hint").addEventListener("click", ({ target }) => {
  if (!target.dataset.example) return;
  $("#phone-number-input").value = target.dataset.example;
  $("#phone-number-input").focus();
});

$("#new-backup-codes").addEventListener("click", ({ currentTarget }) =>
  act(currentTarget, $("#backup-error"), async () => {
    showBackupCodes((await call("POST", "/v1/me/backup_codes")).codes);
  }),
);

$("#hide-backup-codes").addEventListener("click", () => {
  state.backupCodes = null;
  renderBackupCodes();
  $("#backup-title").focus();
});

$("#copy-backup-codes").addEventListener("click", ({ currentTarget }) =>
  copy(currentTarget, state.backupCodes.join("\n"), $("#backup-list")),
);

$("#copy-curl").addEventListener("click", ({ currentTarget }) =>
  copy(currentTarget, $("#request-curl").textContent, $("#request-curl")),
);

$("#user-form").addEventListener("submit", (event) => {
  event.preventDefault();
  state.user = $("#user-input").value;
  Object.assign(state, { numbers: [], backupCodes: null });
  renderCards();
  $("#backup-codes").hidden = true;
  const url = new URL(location.href);
  url.searchParams.set("user", state.user);
  history.replaceState(null, "", url);
  $("#last-request").hidden = true;
  start();
});

async function copy(button, text, source) {
  const label = (button.dataset.label ??= button.textContent);
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    // No clipboard outside a secure context, for instance over plain HTTP from another machine.
    getSelection().selectAllChildren(source);
    button.textContent = "Selected";
  }
  setTimeout(() => (button.textContent = label), 1600);
}

// ---- Errors ----------------------------------------------------------------------------------

function showError(refusal, slot) {
  const error = $("#error");
  slot.append(error);
  $(".error-text", error).textContent = refusal.message;
  $(".error-code", error).textContent = refusal.code;
  error.hidden = false;
  const field = $("input:not([hidden])", slot.parentElement);
  if (field?.offsetParent && refusal.parameter) {
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-errormessage", "error");
    field.select();
    field.focus();
  }
}

function hideError() {
  const error = $("#error");
  error.hidden = true;
  // Out of the cards, which come and go.
  document.body.append(error);
  for (const field of document.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-errormessage");
  }
}

// ---- Drawing the user ------------------------------------------------------------------------

const isVerified = (number) => number.verification?.status === "verified";
const canSignIn = (number) => isVerified(number) && !number.reserved_for_second_factor;

/** A code that is out but too old counts as expired; the server says so once it is tried. */
function statusOf({ verification }) {
  if (verification?.status === "unverified" && verification.expire_at <= Date.now()) return "expired";
  return verification?.status ?? "none";
}

function render() {
  renderTour();
  renderCards();
  renderBackupCodes();
  tick();
  focusAfterRender?.();
  focusAfterRender = null;
}

const GUIDE = [
  ["Add the number you sign in with", "Any US or Canadian number will do: texts arrive on the handset, not at a carrier."],
  ["Prove that it is yours", "Send a code, read it on the handset and enter it. A code lives for ten minutes and allows five tries."],
  ["Add another number and verify it", "The last number to sign in with cannot become a second factor. With two, one of them can."],
  ["Make the second number your second factor", "From then on it is texted when somebody signs in, and backup codes are issued. They are shown once."],
  ["That is the whole way", "All of it went through the public API: the last request below shows how. To start again, switch to another user."],
];

function renderTour() {
  const verified = state.numbers.filter(isVerified).length;
  const done = [state.numbers.length > 0, verified > 0, verified > 1, state.me.two_factor_enabled];
  const current = done.indexOf(false);
  done.forEach((isDone, index) => {
    const step = $(`[data-step="${index + 1}"]`);
    step.dataset.state = isDone ? "done" : index === current ? "doing" : "todo";
    if (index === current) step.setAttribute("aria-current", "step");
    else step.removeAttribute("aria-current");
    $(".step-state", step).textContent = { done: ", done", doing: ", now", todo: ", to do" }[step.dataset.state];
  });
  const [title, text] = GUIDE.at(current);
  $("#guide-title").textContent = title;
  $("#guide-text").textContent = text;
}

/** Phone number id → its card. Cards are kept, so that what is being typed stays. */
const cards = new Map();

function renderCards() {
  for (const [id, card] of cards) {
    if (state.numbers.some((number) => number.id === id)) continue;
    if (card.root.contains($("#error"))) hideError();
    card.root.remove();
    cards.delete(id);
  }
  for (const number of state.numbers) {
    if (!cards.has(number.id)) cards.set(number.id, newCard(number));
    cards.get(number.id).number = number;
    renderCard(cards.get(number.id));
  }
  const count = state.numbers.length;
  $("#numbers-count").textContent = ["none yet", "1 number"][count] ?? `${count} numbers`;
}

function newCard(number) {
  const root = $("#number-card").content.cloneNode(true).firstElementChild;
  const card = { root, number };
  root.dataset.number = number.phone_number;
  $(".number", root).textContent = spelled(number.phone_number);
  $(".number", root).tabIndex = -1;
  const run = (button) => act(button, $(".error-slot", root), () => actions[button.dataset.action](card.number, root));
  $(".actions", root).addEventListener("click", ({ target }) => {
    const button = target.closest("[data-action]");
    if (button) run(button);
  });
  $(".code-form", root).addEventListener("submit", (event) => {
    event.preventDefault();
    run($('[data-action="verify"]', root));
  });
  $(".code-input", root).addEventListener("input", ({ target }) => {
    target.value = target.value.replace(/\D/g, "").slice(0, 6);
  });
  $("#numbers").append(root);
  return card;
}

function renderCard({ root, number }) {
  const status = statusOf(number);
  const verified = status === "verified";
  const reserved = number.reserved_for_second_factor;
  const primary = state.me.primary_phone_number_id === number.id;
  const onlySignIn = canSignIn(number) && state.numbers.filter(canSignIn).length === 1;
  root.dataset.status = status;

  const badges = [
    [{ none: "Unverified", unverified: "Code sent", verified: "Verified", failed: "Failed", expired: "Expired" }[status], status],
    primary && ["Primary", "plain"],
    reserved && ["Second factor", "factor"],
    number.default_second_factor && ["Default", "plain"],
  ];
  $(".badges", root).replaceChildren(
    ...badges.filter(Boolean).map(([text, kind]) => {
      const badge = document.createElement("li");
      badge.textContent = text;
      badge.dataset.kind = kind;
      return badge;
    }),
  );

  const form = $(".code-form", root);
  form.hidden = status !== "unverified";
  if (form.hidden) $(".code-input", root).value = "";

  const show = (action, shown, emphasis = "quiet") => {
    const button = $(`[data-action="${action}"]`, root);
    button.hidden = !shown;
    button.classList.toggle("primary", emphasis === "primary");
    button.classList.toggle("quiet", emphasis === "quiet");
  };
  show("send-code", !verified, status === "unverified" ? "quiet" : "primary");
  const next = !state.me.two_factor_enabled && !onlySignIn && !primary;
  show("reserve", verified && !reserved, next ? "primary" : "quiet");
  show("unreserve", reserved);
  show("make-default", reserved && !number.default_second_factor);
  show("make-primary", verified && !primary);
  show("remove", true);
}

/** What stands under the number; it changes with the time that passes. */
function noteOf(number, status) {
  const { attempts, expire_at: expireAt } = number.verification ?? {};
  if (status === "none") return "No code asked for yet.";
  if (status === "unverified") {
    const source = isTestNumber(number.phone_number) ? "Test number, nothing is sent: the code is 424242." : "The code is on the handset.";
    return `${source} ${countdown(expireAt - Date.now())} left, ${attempts === 1 ? "1 try" : `${attempts ?? 0} tries`} used.`;
  }
  if (status === "failed") return "Too many wrong codes. Even the right one is refused now; ask for a new one.";
  if (status === "expired") return "The code is too old. Ask for a new one.";
  if (number.reserved_for_second_factor) return "Texted as the second step of signing in; no longer a number to sign in with.";
  if (state.numbers.filter(canSignIn).length === 1) return "The only number to sign in with: the server refuses to reserve or remove it.";
  return "A number to sign in with.";
}

function tick() {
  const now = new Date();
  $("#clock").textContent = clockTime.format(now).replace(/\s?[AP]M$/i, "");
  for (const card of cards.values()) {
    const { root, number } = card;
    const status = statusOf(number);
    if (status !== root.dataset.status) renderCard(card);
    $(".number-note", root).textContent = noteOf(number, status);

    const wait = Math.ceil(((state.retryAt.get(number.id) ?? 0) - now) / 1000);
    const button = $('[data-action="send-code"]', root);
    button.textContent = wait > 0 ? `New code in ${wait} s` : status === "none" ? "Send code" : "Send a new code";
    if (wait > 0) {
      button.setAttribute("aria-disabled", "true");
    } else if (state.retryAt.delete(number.id)) {
      button.removeAttribute("aria-disabled");
      if (root.contains($("#error"))) hideError();
    }
  }
  refreshChips();
}

function renderBackupCodes() {
  const codes = state.backupCodes;
  $("#backup-codes").hidden = !state.me.two_factor_enabled;
  $("#backup-codes").classList.toggle("fresh", Boolean(codes));
  $("#backup-shown").hidden = !codes;
  $("#new-backup-codes").hidden = Boolean(codes);
  $("#backup-list").replaceChildren(
    ...(codes ?? []).map((code) => {
      const item = document.createElement("li");
      item.textContent = code;
      return item;
    }),
  );
  $("#backup-text").textContent = codes
    ? "Each signs you in once when the phone is out of reach. Only their hashes are kept, so this is the one time you see them."
    : state.me.backup_code_enabled
      ? "Issued, and kept as hashes only. New ones replace the whole set."
      : "None are left.";
}

function showRequest({ method, url, fields, status, answer }) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const data = Object.entries(fields).map(([name, value]) => `--data-urlencode ${quoted(`${name}=${value}`)}`);
  const tokenFrom = quoted(new URL("token", location.href).href.split("?")[0]);
  const curl = [`curl -X ${method} ${quoted(location.origin + url)}`, '-H "Authorization: Bearer $TOKEN"', ...data];
  $("#request-method").textContent = method;
  $("#request-path").textContent = url;
  $("#request-status").textContent = status;
  $("#request-status").dataset.ok = status < 400;
  $("#request-curl").textContent =
    `TOKEN=$(curl -s ${tokenFrom} --data-urlencode ${quoted(`user=${state.user}`)} | jq -r .token)\n\n${curl.join(" \\\n  ")}`;
  $("#request-answer").textContent = typeof answer === "string" ? answer : JSON.stringify(answer, null, 2);
  $("#last-request").hidden = false;
}

// ---- The handset -----------------------------------------------------------------------------

const messages = new Map();
const keyOf = ({ to, created_at: createdAt, body }) => JSON.stringify([to, createdAt, body]);

/** Takes texts in, whether they came by the stream or by the inbox, and draws the new ones. */
function receive(arrived, live) {
  const fresh = arrived.filter((message) => !messages.has(keyOf(message)));
  if (fresh.length === 0) return;
  for (const message of fresh) messages.set(keyOf(message), { message, live });
  const kept = [...messages.values()].sort((a, b) => a.message.created_at - b.message.created_at);
  renderThread(kept.slice(-MESSAGES_SHOWN));
  if (live && fresh.some(({ to }) => state.numbers.some((number) => number.phone_number === to))) {
    refresh().catch(() => {}); // Perhaps curl or an application asked for that code.
  }
}

function renderThread(shown) {
  const thread = $("#thread");
  const wanted = new Set(shown.map(({ message }) => keyOf(message)));
  for (const node of thread.querySelectorAll(".sms")) {
    if (!wanted.has(node.dataset.key)) node.remove();
  }
  $("#thread-empty").hidden = shown.length > 0;
  let previous = null;
  for (const entry of shown) {
    entry.node ??= newSms(entry);
    entry.node.classList.toggle("continued", previous?.message.to === entry.message.to);
    // Only a text that belongs elsewhere is moved, lest a screen reader read the others again.
    const place = previous ? previous.node : $("#thread-empty");
    if (place.nextElementSibling !== entry.node) place.after(entry.node);
    previous = entry;
  }
  refreshChips();
  thread.scrollTo({ top: thread.scrollHeight, behavior: "instant" });
}

function newSms({ message, live }) {
  const node = document.createElement("article");
  node.className = "sms";
  node.classList.toggle("arriving", live);
  Object.assign(node.dataset, { key: keyOf(message), to: message.to });

  const to = document.createElement("p");
  to.className = "sms-to";
  to.textContent = `To ${spelled(message.to)}`;

  const bubble = document.createElement("p");
  bubble.className = "sms-body";
  const at = message.code ? message.body.indexOf(message.code) : -1;
  if (at < 0) {
    bubble.append(message.body);
  } else {
    bubble.append(message.body.slice(0, at), newChip(message), message.body.slice(at + message.code.length));
  }

  const time = document.createElement("time");
  time.dateTime = new Date(message.created_at).toISOString();
  time.textContent = clockTime.format(message.created_at);

  node.append(to, bubble, time);
  return node;
}

function newChip({ to, code }) {
  const chip = document.createElement("button");
  chip.type = "button";
  chip.className = "sms-code";
  chip.textContent = code;
  chip.addEventListener("click", () => {
    const card = cardOf(to);
    $(".code-input", card).value = code;
    $('[data-action="verify"]', card).focus();
  });
  return chip;
}

const cardOf = (number) => [...cards.values()].find((card) => card.number.phone_number === number)?.root;

/** Only the newest code of a number that waits for one can be used. */
function refreshChips() {
  const newest = new Map();
  for (const sms of document.querySelectorAll(".sms:has(.sms-code)")) newest.set(sms.dataset.to, sms);
  for (const sms of document.querySelectorAll(".sms")) {
    const chip = $(".sms-code", sms);
    if (!chip) continue;
    chip.disabled = newest.get(sms.dataset.to) !== sms || cardOf(sms.dataset.to)?.dataset.status !== "unverified";
    chip.title = chip.disabled ? "" : `Enter this code for ${spelled(sms.dataset.to)}`;
  }
}

function listen() {
  const stream = new EventSource("inbox/stream");
  let loaded = false;
  stream.addEventListener("open", async () => {
    connection("");
    // What was sent while nobody listened.
    const answer = await request("inbox").catch(() => null);
    if (answer?.ok) receive((await answer.json()).messages, loaded);
    if (loaded) start(); // The server was away, and may have forgotten.
    loaded = true;
    $("#thread").setAttribute("aria-busy", "false");
  });
  stream.addEventListener("sms", ({ data }) => receive([JSON.parse(data)], true));
  stream.addEventListener("error", () => {
    connection("No service");
    if (stream.readyState !== EventSource.CLOSED) return;
    // The browser reconnects by itself, except after an answer that is no stream.
    setTimeout(listen, 3000);
  });
}

function connection(text) {
  $("#connection").textContent = text;
  $("#handset").classList.toggle("offline", text !== "");
}

// ---- Small things ----------------------------------------------------------------------------

/** `+14155552671` as `+1 415 555 2671`; other countries as they are. */
const spelled = (number) => number.replace(/^\+1(\d{3})(\d{3})(\d{4})$/, "+1 $1 $2 $3");

const isTestNumber = (number) => /^\+1\d{3}55501\d\d$/.test(number);

function countdown(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

async function start() {
  hideError();
  try {
    await refresh();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    showError(error, $("#add-error"));
  }
}

tick();
setInterval(tick, 1000);
$("#user-input").value = state.user;
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh().catch(() => {});
});
listen();
start();
