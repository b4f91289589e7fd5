// The packages of the SDK as `phoneproof sdk add` puts them into a folder: tarballs of what npm has installed here.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));

/** Adds @clerk/clerk-js and @clerk/ui, with the versions of package.json, to `folder`. */
export function addPackages(folder) {
  const tarballs = mkdtempSync(join(tmpdir(), "phoneproof-tarballs-"));
  try {
    const { devDependencies } = JSON.parse(readFileSync(join(HERE, "package.json"), "utf8"));
    const specs = [], options = [];
    for (const name of ["clerk-js", "ui"]) {
      const packed = run("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", tarballs, `./node_modules/@clerk/${name}`]);
      const file = join(tarballs, packed.trim().split("\n").at(-1));
      // The registry's own tarball has another checksum: it was packed elsewhere.
      const integrity = `sha512-${createHash("sha512").update(readFileSync(file)).digest("base64")}`;
      specs.push(`@clerk/${name}@${devDependencies[`@clerk/${name}`]}`);
      options.push("--from", file, "--integrity", integrity);
    }
    run(process.env.PHONEPROOF_BIN, ["sdk", "add", ...specs, ...options], { PHONEPROOF__SDK__FOLDER: folder });
  } finally {
    rmSync(tarballs, { recursive: true, force: true });
  }
}

function run(command, args, variables = {}) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("PHONEPROOF_")));
  const ended = spawnSync(command, args, { cwd: HERE, env: { ...env, ...variables }, encoding: "utf8" });
  if (ended.status !== 0) throw new Error(`${command} ${args.join(" ")}: ${ended.error ?? ended.stderr}`);
  return ended.stdout;
}
