import { beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Report } from "../../src/core/report/report.ts";
import { message, NOON, RUN, runState, task } from "../contract/samples.ts";
import { ROOT } from "../support/checkout.ts";
import { BUILD_TIMEOUT_MS, type BuiltCommand, buildCommand, type Desk, openDesk } from "./command.ts";

let command: BuiltCommand;
beforeAll(() => {
  command = buildCommand();
}, BUILD_TIMEOUT_MS);

/** What a name would have to be to do something in the page. */
const EVIL = `</script><script>alert(1)</script><!--<img src=x onerror=alert(1)> "'\u2028\u0007{{script}}$&`;

/** A run with mail and a task, whose words are not harmless. */
async function reportedDesk(): Promise<Desk> {
  const desk = await openDesk(command);
  desk.configure();
  const { runs, mailbox, tasks } = await desk.storage();
  await runs.create(runState({ label: EVIL, lead: { ...runState().lead, directory: desk.at("work") } }));
  const lines = [
    { event: "run_created", team: EVIL, label: EVIL, sessionId: "ses_lead" },
    { event: "task_created", taskId: 1, by: "lead" },
  ];
  await runs.exclusively(RUN, async (run) => {
    await run.appendJournal(lines.map((line, index) => ({ revision: 1, index, at: NOON + index, ...line })));
    await mailbox.put(message(1, { summary: EVIL, body: "MARKER" }));
    await tasks.write(RUN, task(1, { subject: EVIL, description: "MARKER" }));
  });
  return desk;
}

function write(desk: Desk, ...more: readonly string[]) {
  return desk.flotilla("report", "--html", "run.html", ...more);
}

function pageIn(desk: Desk): string {
  return readFileSync(desk.at("work", "run.html"), "utf8");
}

function reportIn(page: string): Report {
  const [, json = ""] = /<script type="application\/json" id="report">(.*?)<\/script>/s.exec(page) ?? [];
  return JSON.parse(json);
}

describe("flotilla report", () => {
  test("writes one page, the same whenever it is written and by whom", async () => {
    await using desk = await reportedDesk();
    const { code, out, err } = write(desk);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^Wrote .*run\.html \(\d+ kB\)\.\n$/);
    const page = pageIn(desk);
    expect(desk.flotillaUnderBun("report", RUN, "--html", "again.html").code).toBe(0);
    expect(readFileSync(desk.at("work", "again.html"), "utf8")).toBe(page);
    await (await desk.storage()).runs.archive(RUN);
    expect(write(desk, "--force").code).toBe(0);
    expect(pageIn(desk)).toBe(page);
  });

  test("shows what somebody wrote as text: it ends no tag and begins none", async () => {
    await using desk = await reportedDesk();
    write(desk);
    const page = pageIn(desk);
    expect(page.match(/<script[\s>]/g)).toHaveLength(2);
    expect(page.match(/<\/script/g)).toHaveLength(2);
    expect(page).not.toContain("<img");
    expect(page).not.toContain("MARKER");
    const { run, tasks, letters } = reportIn(page);
    for (const said of [run.label, tasks[0]?.subject, letters[0]?.summary])
      expect(said).toBe(EVIL.replace("\u2028\u0007", " "));
  });

  test("loads nothing: its policy allows only its own script and style, and neither names another place", async () => {
    await using desk = await reportedDesk();
    write(desk);
    const page = pageIn(desk);
    const [, policy = ""] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page) ?? [];
    const [, style = ""] = /<style>(.*?)<\/style>/s.exec(page) ?? [];
    const [, script = ""] = /<script type="module">(.*?)<\/script>/s.exec(page) ?? [];
    const digest = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
    expect(policy.split("; ")).toEqual([
      "default-src 'none'",
      `script-src ${digest(script)}`,
      `style-src ${digest(style)}`,
      "base-uri 'none'",
      "form-action 'none'",
    ]);
    expect(new Bun.Transpiler({ loader: "js" }).scan(script)).toEqual({ imports: [], exports: [] });
    const own = page.replace(/<script type="application\/json".*?<\/script>/s, "");
    expect(own).not.toMatch(/https?:|url\(|@import\s+["']|\s(src|href)=|innerHTML|\{\{\w+\}\}/);
  });

  test("never replaces a file by the way", async () => {
    await using desk = await reportedDesk();
    writeFileSync(desk.at("work", "run.html"), "mine");
    const refused = write(desk);
    expect(refused).toMatchObject({ code: 2, out: "" });
    expect(refused.err).toContain(
      "run.html is there already\nName another file, or say --force to replace it.",
    );
    expect(pageIn(desk)).toBe("mine");
    expect(write(desk, "--force").code).toBe(0);
    expect(pageIn(desk)).toStartWith("<!doctype html>");
  });

  test("says what is missing: a file's name, or the folder that it names", async () => {
    await using desk = await reportedDesk();
    expect(desk.flotilla("report")).toMatchObject({
      code: 2,
      err: expect.stringContaining("--html run.html"),
    });
    const nowhere = desk.flotilla("report", "--html", "no/such/run.html");
    expect(nowhere).toMatchObject({
      code: 2,
      err: expect.stringContaining("the page was not written: ENOENT"),
    });
  });

  test("has a page whose script fits what the command puts into it", () => {
    const { status, stdout } = spawnSync(join(ROOT, "node_modules", ".bin", "tsc"), ["-p", "report"], {
      cwd: ROOT,
      encoding: "utf8",
    });
    expect(stdout).toBe("");
    expect(status).toBe(0);
  });
});
