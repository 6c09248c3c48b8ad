// `node demo.mjs PACKAGE DEMO NPM OUT`: the demo page, its TypeScript checked and compiled.

import { execFileSync } from "node:child_process";
import { copyFile, mkdir, readdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

const [folder, demo, npm, out] = process.argv.slice(2).map((path) => resolve(path));
await mkdir(out, { recursive: true });
const names = await readdir(demo);

const settings = {
  compilerOptions: {
    strict: true,
    noUncheckedIndexedAccess: true,
    target: "es2022",
    module: "es2022",
    moduleResolution: "bundler",
    lib: ["es2022", "dom", "dom.iterable"],
    types: [],
    paths: { "logos-core": [join(folder, "index.d.ts")] },
    rootDir: demo,
    outDir: out,
  },
  files: names.filter((name) => name.endsWith(".ts")).map((name) => join(demo, name)),
};
await writeFile(join(out, "tsconfig.json"), JSON.stringify(settings));
const tsc = [join(npm, "typescript/bin/tsc"), "--project", join(out, "tsconfig.json")];
execFileSync("node", tsc, { stdio: "inherit" });
for (const name of names.filter((name) => !name.endsWith(".ts"))) await copyFile(join(demo, name), join(out, name));
