// An example as its README says to run it: the exported variables, the command that installs, the command that starts.

import { spawn } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const EXAMPLES = join(dirname(fileURLToPath(import.meta.url)), "../../examples");
/** How long an example may take until it answers, in milliseconds: some build first. */
const START_TIMEOUT = 300_000;
/** Where PhoneProof and the example are in the READMEs. */
const DOCUMENTED = { server: /\b(127\.0\.0\.1|localhost):8080\b/g, page: /\blocalhost:3000\b/g };

/** The commands of the README's one block of shell, with the addresses of this run in it. */
async function readme(name, { server, page }) {
  const text = await readFile(join(EXAMPLES, name, "README.md"), "utf8");
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block);
  if (blocks.length !== 1) throw new Error(`examples/${name}/README.md has ${blocks.length} blocks of shell`);
  const lines = blocks[0].replace(DOCUMENTED.server, (_, host) => `${host}:${server}`).replace(DOCUMENTED.page, `localhost:${page}`)
    .split("\n").filter(Boolean);
  const variables = lines.filter((line) => line.startsWith("export "));
  const commands = lines.filter((line) => !line.startsWith("export "));
  if (commands.length > 2) throw new Error(`examples/${name}/README.md has ${commands.length} commands`);
  return { variables, commands };
}

function shell(script, options) {
  const child = spawn("bash", ["-euc", script], { ...options, detached: true });
  child.ended = new Promise((resolve) => child.once("exit", resolve));
  return child;
}

/** Installs an example, once for each state of its lock file. */
async function install(name, command, env) {
  const folder = join(EXAMPLES, name);
  const locks = await Promise.all(["package-lock.json", "requirements.txt", "Cargo.lock"]
    .map((file) => readFile(join(folder, file)).catch(() => "")));
  const state = createHash("sha256").update(command).update(locks.join()).digest("hex");
  const marker = join(EXAMPLES, "../target/clients", name);
  if (await readFile(marker, "utf8").catch(() => null) === state) return;
  const child = shell(command, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => { said += data; });
  if (await child.ended !== 0) throw new Error(`${command} in examples/${name} failed:\n${said}`);
  await mkdir(dirname(marker), { recursive: true });
  await writeFile(marker, state);
}

/** Runs an example against the server on one port, on another port of its own. Answers what it prints, and what ends it. */
export async function run(name, { server, page, variables = {} }) {
  const { variables: exports, commands } = await readme(name, { server, page });
  const env = {
    ...Object.fromEntries(Object.entries(process.env).filter(([variable]) => !/CLERK|PHONEPROOF/.test(variable))),
    CLERK_TELEMETRY_DISABLED: "1", NEXT_TELEMETRY_DISABLED: "1", ASTRO_TELEMETRY_DISABLED: "1", PORT: String(page), ...variables,
  };
  const [start, installation] = commands.reverse();
  if (installation) await install(name, installation, env);
  const child = shell([...exports, start].join("\n"), { cwd: join(EXAMPLES, name), env, stdio: ["ignore", "pipe", "pipe"] });
  const program = { output: "", url: `http://localhost:${page}`, ended: child.ended };
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => {
    program.output += data;
    if (process.env.CLIENT_LOG) process.stderr.write(data);
  });
  program.stop = async () => {
    // The whole group: npm and bash do not pass the signal on.
    try { process.kill(-child.pid, "SIGTERM"); } catch (error) { if (error.code !== "ESRCH") throw error; }
    await child.ended;
  };
  return program;
}

/** Waits until the example listens. */
export async function listening(program) {
  let over = false;
  program.ended.then(() => { over = true; });
  for (const end = Date.now() + START_TIMEOUT; Date.now() < end;) {
    if (over) throw new Error(`the example ended:\n${program.output}`);
    if (await fetch(program.url).catch(() => null)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the example does not answer:\n${program.output}`);
}
