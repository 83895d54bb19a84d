import { call, calls, say, saying } from "../test/support/model-replies.ts";
import { type ModelRequest, toolResults } from "../test/support/model-request.ts";
import { GREET, README, TEST } from "./project.ts";
import { type Actor, all, answered, mailed, member, tell } from "./scenes.ts";

/** What the person asks for. The scripted model and a real one get the same words. */
export const REQUEST = `Build the greeter with a team of three members, ada, bo and cy (agent "general"), who work at the same time, on shared tasks:
1. ada writes src/greet.js: it exports greet(name) and prints the greeting when run.
2. bo tests it in test/greet.test.js with node --test, after ada's task. What fails, ada repairs on a message from bo.
3. cy writes README.md, and asks ada by message what the greeter prints without a name.
When the tests pass, bo asks to be shut down, and you approve. When everything is done, shut the other two down, delete the team and tell me the result. Leave all of the work to the members.`;

const RUN_TESTS = call("bash", {
  command: "node --test --test-reporter=tap | grep -E '^(not ok|# (pass|fail))'",
  description: "Run the tests",
});

const lead: Actor = {
  name: "lead",
  is: (request) => request.parentSessionId === undefined,
  pause: (request) => {
    const agreed = all(mailed("ada", "shutdown_approved"), mailed("cy", "shutdown_approved"))(request);
    // Mail ends the wait, and there is none any more when the last two have agreed to end.
    return call("team_status", { waitFor: agreed ? "idle" : "message", timeoutMs: 30_000 });
  },
  scenes: [
    {
      cue: answered("team_delete", /"closed"/),
      beats: [
        say(
          "The greeter is done. ada wrote src/greet.js, bo's three tests pass after one repair, and cy's README says what it prints without a name. The team is deleted.",
        ),
      ],
    },
    {
      cue: all(
        answered("team_status", /^(?:(?!"status":"(?:working|waiting)").)*$/s),
        mailed("cy", "shutdown_approved"),
        mailed("ada", "shutdown_approved"),
      ),
      beats: [call("team_delete")],
    },
    {
      cue: mailed("bo", "shutdown_request"),
      beats: [call("team_approve_shutdown", { memberName: "bo" })],
    },
    {
      cue: all(mailed("ada"), mailed("cy"), mailed("bo", "shutdown_request")),
      beats: [
        calls([
          ["team_shutdown_request", { targetMemberName: "ada", reason: "All three tasks are completed." }],
          ["team_shutdown_request", { targetMemberName: "cy", reason: "All three tasks are completed." }],
        ]),
      ],
    },
    {
      cue: () => true,
      beats: [
        saying(
          "Three members, three tasks. The tests need the code; the README can start at once.",
          call("team_create", {
            inline_spec: {
              name: "greeter",
              members: [
                { name: "ada", subagent_type: "general", prompt: "You write the code: task 1." },
                {
                  name: "bo",
                  subagent_type: "general",
                  prompt: "You test it: task 2. When all is green, ask to be shut down.",
                },
                {
                  name: "cy",
                  subagent_type: "general",
                  prompt: "You document it: task 3. Ask ada what you do not know.",
                },
              ],
            },
            tasks: [
              {
                subject: "Write src/greet.js",
                description: "Export greet(name); print the greeting when run.",
              },
              {
                subject: "Test it with node --test",
                description: "In test/greet.test.js. Tell ada what fails.",
                blockedBy: [1],
                owner: "bo",
              },
              {
                subject: "Write README.md",
                description: "How to run it, and what it prints without a name.",
              },
            ],
          }),
        ),
      ],
    },
  ],
};

const ada: Actor = {
  name: "ada",
  is: member("ada"),
  pause: say("I wait for mail."),
  scenes: [
    {
      cue: mailed("cy"),
      beats: [
        tell("cy", "Without a name it greets the world: Hello, world!", "Without a name: Hello, world!"),
      ],
    },
    {
      cue: mailed("bo"),
      beats: [
        call("edit", {
          filePath: "src/greet.js",
          oldString: `return \`Hello, \${name}!\`;`,
          newString: `return \`Hello, \${name.trim() || "world"}!\`;`,
        }),
        tell("bo", "You are right. A blank name is no name now. Please run them again.", "Repaired"),
      ],
    },
    {
      cue: mailed("lead", "shutdown_request"),
      beats: [call("team_approve_shutdown", { memberName: "ada" })],
    },
    {
      cue: () => true,
      beats: [
        call("team_task_update", { taskId: 1, status: "in_progress" }),
        call("write", { filePath: "src/greet.js", content: GREET }),
        call("bash", { command: "node src/greet.js Ada", description: "Try it" }),
        call("team_task_update", {
          taskId: 1,
          status: "completed",
          result: { text: "greet(name), and the greeting when run", artifacts: ["src/greet.js"] },
        }),
        tell("lead", "Task 1 is done: src/greet.js greets by name.", "Task 1 done"),
      ],
    },
  ],
};

const bo: Actor = {
  name: "bo",
  is: member("bo"),
  pause: say("I wait for mail."),
  scenes: [
    {
      cue: mailed("ada"),
      beats: [
        RUN_TESTS,
        (request) =>
          call("team_task_update", {
            taskId: 2,
            status: "completed",
            result: { text: `${tally(request).pass} tests pass`, artifacts: ["test/greet.test.js"] },
          }),
        (request) =>
          tell(
            "lead",
            `${tally(request).pass} tests pass, ${tally(request).fail} fail. ada repaired one case on the way.`,
            "Tests are green",
          ),
        call("team_shutdown_request", {
          targetMemberName: "bo",
          reason: "The tests are green and nothing is left for me.",
        }),
      ],
    },
    {
      cue: () => true,
      beats: [
        call("team_task_update", { taskId: 2, status: "in_progress" }),
        say("Task 2 waits for ada's task 1. I go on when it is ready."),
      ],
    },
    {
      cue: mailed("system", "task"),
      beats: [
        call("team_task_update", { taskId: 2, status: "in_progress" }),
        call("read", { filePath: "src/greet.js" }),
        call("write", { filePath: "test/greet.test.js", content: TEST }),
        RUN_TESTS,
        (request) =>
          tell(
            "ada",
            `${tally(request).pass} pass, ${tally(request).fail} fails: greet("  ") gives "Hello,   !". I expect a blank name to count as no name.`,
            `${tally(request).fail} test fails`,
          ),
      ],
    },
  ],
};

const cy: Actor = {
  name: "cy",
  is: member("cy"),
  pause: say("I wait for ada's answer."),
  scenes: [
    {
      cue: mailed("lead", "shutdown_request"),
      beats: [call("team_approve_shutdown", { memberName: "cy" })],
    },
    {
      cue: mailed("ada"),
      beats: [
        call("write", { filePath: "README.md", content: README }),
        call("team_task_update", {
          taskId: 3,
          status: "completed",
          result: { text: "How to run it, with and without a name", artifacts: ["README.md"] },
        }),
        tell("lead", "Task 3 is done: README.md, with ada's answer in it.", "Task 3 done"),
      ],
    },
    {
      cue: () => true,
      beats: [
        call("team_task_update", { taskId: 3, status: "in_progress" }),
        call("read", { filePath: "README.md" }),
        tell(
          "ada",
          "What does the greeter print without a name? I want it in the README.",
          "Without a name?",
        ),
        call("team_status", { waitFor: "message", timeoutMs: 30_000 }),
      ],
    },
  ],
};

/** Who plays in the scripted run. */
export const ACTORS: readonly Actor[] = [lead, ada, bo, cy];

/** What the newest test run printed. The script knows no outcome by heart: without these figures it fails. */
function tally(request: ModelRequest): { readonly pass: string; readonly fail: string } {
  const output = toolResults(request).findLast(({ name }) => name === "bash")?.text ?? "";
  const [, pass] = /^# pass (\d+)/m.exec(output) ?? [];
  const [, fail] = /^# fail (\d+)/m.exec(output) ?? [];
  if (pass === undefined || fail === undefined) throw new Error(`the test run printed no figures: ${output}`);
  return { pass, fail };
}
