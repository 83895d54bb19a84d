import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync } from "node:fs";
import { sayOrigin } from "../../src/config/problem.ts";
import { type ConfigGround, configGround } from "./ground.ts";

const section = (team_mode: unknown): object => ({ team_mode });

describe("without any configuration", () => {
  test("the feature is off, every key has its default, and nothing is written", async () => {
    await using ground = await configGround();
    expect(ground.options()).toEqual({
      enabled: false,
      tmux_visualization: false,
      max_members: 8,
      max_parallel_members: 4,
      max_messages_per_run: 10_000,
      max_wall_clock_minutes: 120,
      max_member_turns: 500,
      message_payload_max_bytes: 32_768,
      recipient_unread_max_bytes: 262_144,
      mailbox_poll_interval_ms: 3000,
      base_dir: ground.at("home/.local/share/opencode-flotilla"),
      categories: {},
      agent_eligibility: {},
      offer_tools: "on_request",
      task_recovery: true,
      telemetry: { enabled: false, captureContent: false },
    });
    expect(ground.read().origins.size).toBe(0);
    expect(readdirSync(ground.path, { recursive: true })).toEqual(["work"]);
  });
});

/** Every source, weakest first, with what it takes to speak there. */
const SOURCES: readonly (readonly [
  name: string,
  write: (ground: ConfigGround, content: object) => unknown,
])[] = [
  [
    "home/.config/opencode/config.json",
    (ground, content) => ground.write("home/.config/opencode/config.json", content),
  ],
  ...["opencode.json", "opencode.jsonc"].map(
    (file) => [`home/.config/opencode/${file}`, atFile(`home/.config/opencode/${file}`)] as const,
  ),
  [
    "custom.json",
    (ground, content) => {
      ground.env["OPENCODE_CONFIG"] = ground.at("custom.json");
      ground.write("custom.json", content);
    },
  ],
  ...["work", "work/a", "work/a/b"].flatMap((folder) =>
    ["opencode.json", "opencode.jsonc"].map(
      (file) => [`${folder}/${file}`, atFile(`${folder}/${file}`)] as const,
    ),
  ),
  ...["work/a/b", "work/a", "work", "home"].flatMap((folder) =>
    ["opencode.json", "opencode.jsonc"].map(
      (file) => [`${folder}/.opencode/${file}`, atFile(`${folder}/.opencode/${file}`)] as const,
    ),
  ),
  ...["opencode.json", "opencode.jsonc"].map(
    (file) =>
      [
        `folder/${file}`,
        (ground: ConfigGround, content: object) => {
          ground.env["OPENCODE_CONFIG_DIR"] = ground.at("folder");
          ground.write(`folder/${file}`, content);
        },
      ] as const,
  ),
  [
    "OPENCODE_CONFIG_CONTENT",
    (ground, content) => {
      ground.env["OPENCODE_CONFIG_CONTENT"] = JSON.stringify(content);
    },
  ],
];

function atFile(path: string): (ground: ConfigGround, content: object) => void {
  return (ground, content) => ground.write(path, content);
}

describe("of several sources", () => {
  const inside = { directory: "work/a/b", worktree: "work" };

  test.each(SOURCES.slice(1).map(([name], index) => [name, SOURCES[index]?.[0] ?? ""] as const))(
    "%s wins over %s, key by key",
    async (stronger, weaker) => {
      await using ground = await configGround();
      const source = new Map(SOURCES);
      source.get(weaker)?.(ground, section({ max_members: 1, max_member_turns: 1 }));
      source.get(stronger)?.(ground, section({ max_members: 2 }));
      expect(ground.options(inside)).toMatchObject({ max_members: 2, max_member_turns: 1 });
    },
  );

  test("the plugin's options win over all", async () => {
    await using ground = await configGround();
    for (const [, write] of SOURCES) write(ground, section({ max_members: 1, max_member_turns: 1 }));
    expect(ground.options({ ...inside, plugin: section({ max_members: 2 }) })).toMatchObject({
      max_members: 2,
      max_member_turns: 1,
    });
  });

  test("all are told from each other in the origins", async () => {
    await using ground = await configGround();
    ground.write(
      "work/opencode.jsonc",
      '{\n  "team_mode": {\n    "enabled": true,\n    "telemetry": { "label": "x" }\n  }\n}',
    );
    ground.env["OPENCODE_CONFIG_CONTENT"] =
      '{ "team_mode": { "categories": { "docs": { "agent": "build" } } } }';
    const { origins } = ground.read({
      plugin: section({ max_members: 2, agent_eligibility: { "my agent": "deny" } }),
    });
    const said = [...origins].map(([key, origin]) => [key, sayOrigin(origin).replace(`${ground.path}/`, "")]);
    expect(Object.fromEntries(said)).toEqual({
      enabled: "work/opencode.jsonc:3:5",
      "telemetry.label": "work/opencode.jsonc:4:20",
      "categories.docs": "OPENCODE_CONFIG_CONTENT:1:34",
      max_members: "plugin options",
      'agent_eligibility["my agent"]': "plugin options",
    });
  });

  test("telemetry merges by its keys, categories and agent_eligibility by entry, and an entry is replaced", async () => {
    await using ground = await configGround();
    ground.write(
      "home/.config/opencode/opencode.json",
      section({
        telemetry: { enabled: true, label: "home", headers: { a: "{env:A}" } },
        categories: { docs: { agent: "build", prompt: "Old." }, code: { agent: "general" } },
        agent_eligibility: { plan: "deny", oracle: "allow" },
      }),
    );
    ground.write(
      "work/opencode.json",
      section({
        telemetry: { label: "work", headers: { b: "{env:B}" } },
        categories: { docs: { agent: "plan" } },
        agent_eligibility: { plan: "allow" },
      }),
    );
    expect(ground.options()).toMatchObject({
      telemetry: { enabled: true, captureContent: false, label: "work", headers: { b: "{env:B}" } },
      agent_eligibility: { plan: "allow", oracle: "allow" },
    });
    expect(ground.options().categories).toEqual({ docs: { agent: "plan" }, code: { agent: "general" } });
  });

  test("a directory outside of the work tree, as outside of git, has all of its parents", async () => {
    await using ground = await configGround();
    ground.write("work/opencode.json", section({ max_members: 3 }));
    expect(ground.options({ directory: "work/a/b", worktree: "../../../../../.." })).toMatchObject({
      max_members: 3,
    });
  });

  test("what stands above the work tree's root does not count", async () => {
    await using ground = await configGround();
    ground.write("work/opencode.json", section({ max_members: 3 }));
    ground.write("work/.opencode/opencode.json", section({ max_members: 3 }));
    expect(ground.options({ directory: "work/a/b", worktree: "work/a" })).toMatchObject({ max_members: 8 });
  });

  test("OPENCODE_DISABLE_PROJECT_CONFIG leaves the project's out, as in the host", async () => {
    await using ground = await configGround();
    ground.write("work/opencode.json", section({ max_members: 3 }));
    ground.write("work/.opencode/opencode.json", section({ max_members: 3 }));
    ground.write("home/.config/opencode/opencode.json", section({ max_member_turns: 3 }));
    ground.env["OPENCODE_DISABLE_PROJECT_CONFIG"] = "1";
    expect(ground.options()).toMatchObject({ max_members: 8, max_member_turns: 3 });
  });

  test("XDG_CONFIG_HOME takes the place of ~/.config", async () => {
    await using ground = await configGround();
    ground.write("home/.config/opencode/opencode.json", section({ max_members: 3 }));
    ground.write("xdg/opencode/opencode.json", section({ max_members: 5 }));
    ground.env["XDG_CONFIG_HOME"] = ground.at("xdg");
    expect(ground.options()).toMatchObject({ max_members: 5 });
  });

  test("a file that OPENCODE_CONFIG names and that does not exist is nothing", async () => {
    await using ground = await configGround();
    ground.env["OPENCODE_CONFIG"] = ground.at("none.json");
    expect(ground.options().enabled).toBe(false);
  });
});

describe("base_dir", () => {
  test.each([
    ["~/data", "home/data"],
    ["~", "home"],
    ["./data", "work/sub/data"],
    ["../data", "work/data"],
    ["{env:HOME}/data", "home/data"],
  ])("%p in work/sub/opencode.json is %p", async (written, expected) => {
    await using ground = await configGround();
    ground.write("work/sub/opencode.json", section({ base_dir: written }));
    expect(ground.options({ directory: "work/sub" }).base_dir).toBe(ground.at(expected));
  });

  test("is absolute as it is, and relative in the plugin's options from the working directory", async () => {
    await using ground = await configGround();
    expect(ground.options({ plugin: section({ base_dir: "/srv/flotilla" }) }).base_dir).toBe("/srv/flotilla");
    expect(ground.options({ plugin: section({ base_dir: "data" }) }).base_dir).toBe(ground.at("work/data"));
  });

  test("goes to XDG_DATA_HOME if that is absolute", async () => {
    await using ground = await configGround();
    ground.env["XDG_DATA_HOME"] = ground.at("share");
    expect(ground.options().base_dir).toBe(ground.at("share/opencode-flotilla"));
    ground.env["XDG_DATA_HOME"] = "share";
    expect(ground.options().base_dir).toBe(ground.at("home/.local/share/opencode-flotilla"));
  });
});

describe("references", () => {
  test("to variables and files are replaced as the host does", async () => {
    await using ground = await configGround();
    ground.env["AGENT"] = "plan";
    ground.write("work/prompts/docs.md", "\nWrite docs.\n");
    ground.write(
      "work/opencode.json",
      section({
        categories: {
          docs: { agent: "{env:AGENT}", prompt: "{file:./prompts/docs.md}", description: "{env:NONE}!" },
        },
      }),
    );
    expect(ground.options().categories).toEqual({
      docs: { agent: "plan", prompt: "Write docs.", description: "!" },
    });
  });

  test("in the headers of telemetry stay references", async () => {
    await using ground = await configGround();
    ground.env["TOKEN"] = "secret";
    ground.write("work/opencode.json", section({ telemetry: { headers: { authorization: "{env:TOKEN}" } } }));
    expect(ground.options().telemetry.headers).toEqual({ authorization: "{env:TOKEN}" });
  });

  test("that lead nowhere are located, and a wrong value shows the reference, not what it stands for", async () => {
    await using ground = await configGround();
    ground.env["SECRET"] = "hush";
    ground.write(
      "work/opencode.json",
      '{ "team_mode": {\n"categories": { "docs": { "agent": "x", "prompt": "{file:none.md}" } },\n"offer_tools": "{env:SECRET}" } }',
    );
    expect(ground.problems()).toEqual([
      "work/opencode.json:2:51: team_mode.categories.docs.prompt: {file:none.md}: work/none.md cannot be read (ENOENT). Allowed: the path of a file that can be read.",
      'work/opencode.json:3:16: team_mode.offer_tools: received "{env:SECRET}". Allowed: "on_request" or "always".',
    ]);
  });
});

const KEYS =
  "enabled, tmux_visualization, max_members, max_parallel_members, max_messages_per_run, max_wall_clock_minutes, max_member_turns, max_tokens_per_run, max_cost_per_run, message_payload_max_bytes, recipient_unread_max_bytes, mailbox_poll_interval_ms, base_dir, categories, agent_eligibility, offer_tools, task_recovery, telemetry";

describe("a wrong configuration is refused with its place", () => {
  const cases: readonly (readonly [written: string, problems: readonly string[]])[] = [
    ['"enabled": "yes"', ['1:27: team_mode.enabled: received "yes". Allowed: true or false.']],
    ['"max_members": 0', ["1:31: team_mode.max_members: received 0. Allowed: a whole number from 1 to 64."]],
    [
      '"max_members": 65',
      ["1:31: team_mode.max_members: received 65. Allowed: a whole number from 1 to 64."],
    ],
    [
      '"max_members": 1.5',
      ["1:31: team_mode.max_members: received 1.5. Allowed: a whole number from 1 to 64."],
    ],
    [
      '"max_members": null',
      ["1:31: team_mode.max_members: received null. Allowed: a whole number from 1 to 64."],
    ],
    [
      '"max_parallel_members": 65',
      ["1:40: team_mode.max_parallel_members: received 65. Allowed: a whole number from 1 to 64."],
    ],
    [
      '"max_messages_per_run": 0',
      ["1:40: team_mode.max_messages_per_run: received 0. Allowed: a whole number of at least 1."],
    ],
    [
      '"max_wall_clock_minutes": 0',
      ["1:42: team_mode.max_wall_clock_minutes: received 0. Allowed: a whole number of at least 1."],
    ],
    [
      '"max_member_turns": 0',
      ["1:36: team_mode.max_member_turns: received 0. Allowed: a whole number of at least 1."],
    ],
    [
      '"max_tokens_per_run": 0',
      ["1:38: team_mode.max_tokens_per_run: received 0. Allowed: a whole number of at least 1."],
    ],
    ['"max_cost_per_run": 0', ["1:36: team_mode.max_cost_per_run: received 0. Allowed: a number above 0."]],
    [
      '"message_payload_max_bytes": 1023',
      ["1:45: team_mode.message_payload_max_bytes: received 1023. Allowed: a whole number of at least 1024."],
    ],
    [
      '"recipient_unread_max_bytes": 1023',
      [
        "1:46: team_mode.recipient_unread_max_bytes: received 1023. Allowed: a whole number of at least 1024.",
      ],
    ],
    [
      '"mailbox_poll_interval_ms": 499',
      ["1:44: team_mode.mailbox_poll_interval_ms: received 499. Allowed: a whole number of at least 500."],
    ],
    ['"base_dir": ""', ['1:28: team_mode.base_dir: received "". Allowed: text that is not empty.']],
    [
      '"offer_tools": true',
      ['1:31: team_mode.offer_tools: received true. Allowed: "on_request" or "always".'],
    ],
    ['"task_recovery": 1', ["1:33: team_mode.task_recovery: received 1. Allowed: true or false."]],
    ['"tmux_visualization": 1', ["1:38: team_mode.tmux_visualization: received 1. Allowed: true or false."]],
    [
      '"agent_eligibility": { "plan": "no" }',
      ['1:47: team_mode.agent_eligibility.plan: received "no". Allowed: "allow" or "deny".'],
    ],
    [
      '"agent_eligibility": []',
      [
        '1:37: team_mode.agent_eligibility: received an empty list. Allowed: an object whose values are each "allow" or "deny".',
      ],
    ],
    [
      '"categories": { "docs": { "agnt": "x" } }',
      [
        "1:40: team_mode.categories.docs.agent: missing. Allowed: text that is not empty.",
        '1:42: team_mode.categories.docs.agnt: unknown key, did you mean "agent"? Allowed: agent, model, variant, prompt, description.',
      ],
    ],
    [
      '"categories": { "docs": { "agent": "x", "model": "m" } }',
      ['1:65: team_mode.categories.docs.model: received "m". Allowed: text of the form "provider/model".'],
    ],
    [
      '"categories": { "docs": { "agent": "x", "variant": "high" } }',
      [
        '1:67: team_mode.categories.docs.variant: received "high". Allowed: a variant only together with model, whose variant it is.',
      ],
    ],
    [
      '"telemetry": { "enabled": 1, "protocol": "grpc", "endpoint": "here" }',
      [
        "1:42: team_mode.telemetry.enabled: received 1. Allowed: true or false.",
        '1:57: team_mode.telemetry.protocol: received "grpc". Allowed: "http/json" or "http/protobuf".',
        "1:77: team_mode.telemetry.endpoint: received a value that is not shown here. Allowed: an http or https URL.",
      ],
    ],
    [
      '"telemetry": { "endpoint": "https://me:hush@example.org" }',
      [
        "1:43: team_mode.telemetry.endpoint: received a value that is not shown here. Allowed: a URL without user name and password.",
      ],
    ],
    [
      '"telemetry": { "headers": { "authorization": "Bearer hush" } }',
      [
        "1:61: team_mode.telemetry.headers.authorization: received a value that is not shown here. Allowed: a reference to an environment variable, {env:NAME}.",
      ],
    ],
    [
      '"telemetry": { "capture_content": true }',
      [
        '1:31: team_mode.telemetry.capture_content: unknown key, did you mean "captureContent"? Allowed: enabled, endpoint, protocol, headers, captureContent, label.',
      ],
    ],
    [
      '"maxMembers": 3',
      [`1:16: team_mode.maxMembers: unknown key, did you mean "max_members"? Allowed: ${KEYS}.`],
    ],
    ['"enabeld": true', [`1:16: team_mode.enabeld: unknown key, did you mean "enabled"? Allowed: ${KEYS}.`]],
    ['"panes": true', [`1:16: team_mode.panes: unknown key. Allowed: ${KEYS}.`]],
    ['"max_members": 2, "max_members": 3', ["1:34: team_mode.max_members: this key stands here twice."]],
    ['"max_members": 2 "enabled": true', ["1:33: a comma is expected here."]],
  ];
  test.each(cases)("%s", async (written, problems) => {
    await using ground = await configGround();
    ground.write("work/opencode.json", `{"team_mode": {${written}}}`);
    expect(ground.problems()).toEqual(problems.map((problem) => `work/opencode.json:${problem}`));
  });

  test("every line of the file counts", async () => {
    await using ground = await configGround();
    ground.write(
      "work/opencode.jsonc",
      '// ours\n{\n  "model": "p/m",\n  "team_mode": {\n    "enabled": true,\n    "max_members": "8", // text\n  },\n}\n',
    );
    expect(ground.problems()).toEqual([
      'work/opencode.jsonc:6:20: team_mode.max_members: received "8". Allowed: a whole number from 1 to 64.',
    ]);
  });

  test.each(["true", "[]", '"on"', "null"])("a section that is %s", async (written) => {
    await using ground = await configGround();
    ground.write("work/opencode.json", `{"team_mode": ${written}}`);
    expect(ground.problems()[0]).toMatch(
      /^work\/opencode\.json:1:15: team_mode: received .+\. Allowed: an object \{enabled\?, tmux_visualization\?, .+\}\.$/,
    );
  });

  test("in a source that is overruled, too, and all sources are told at once", async () => {
    await using ground = await configGround();
    ground.write("home/.config/opencode/opencode.json", section({ max_members: 0 }));
    ground.write("work/opencode.json", section({ max_members: 3 }));
    ground.env["OPENCODE_CONFIG_CONTENT"] = '{"team_mode":{"enabled":1}}';
    const plugin = { team_mode: { max_members: "x" }, teamMode: {} };
    expect(ground.problems({ plugin })).toEqual([
      "home/.config/opencode/opencode.json:1:29: team_mode.max_members: received 0. Allowed: a whole number from 1 to 64.",
      "OPENCODE_CONFIG_CONTENT:1:25: team_mode.enabled: received 1. Allowed: true or false.",
      'plugin options: teamMode: unknown key, did you mean "team_mode"? Allowed: team_mode.',
      'plugin options: team_mode.max_members: received "x". Allowed: a whole number from 1 to 64.',
    ]);
  });

  test("headers in the plugin's options, where the host has put the secret in already", async () => {
    await using ground = await configGround();
    const plugin = section({ telemetry: { headers: { authorization: "hush" } } });
    expect(ground.problems({ plugin })).toEqual([
      "plugin options: team_mode.telemetry.headers.authorization: received a value that is not shown here. Allowed: a reference to an environment variable, {env:NAME}, under team_mode in opencode.json, because the host replaces references in plugin options.",
    ]);
  });

  test.each([["on"], [[]], [3]])("plugin options that are %p", async (plugin) => {
    await using ground = await configGround();
    expect(ground.problems({ plugin })[0]).toMatch(
      /^plugin options: received .+\. Allowed: an object \{team_mode\}\.$/,
    );
  });

  test("plugin options without our section, or none at all, are no problem", async () => {
    await using ground = await configGround();
    for (const plugin of [undefined, null, {}]) expect(ground.problems({ plugin })).toEqual([]);
  });

  test("the origins are there all the same, for the doctor", async () => {
    await using ground = await configGround();
    ground.write("work/opencode.json", '{"team_mode": {"enabled": true, "max_members": 0}}');
    expect([...ground.read().origins.keys()]).toEqual(["enabled", "max_members"]);
  });
});

describe("files that are not ours to judge", () => {
  test("a broken file that does not speak of team_mode is the host's business", async () => {
    await using ground = await configGround();
    ground.write("work/opencode.json", '{ "model": }');
    ground.write("work/opencode.jsonc", "");
    expect(ground.problems()).toEqual([]);
  });

  test("keys of the host are left alone, twice or not", async () => {
    await using ground = await configGround();
    ground.write(
      "work/opencode.json",
      '{"model": 7, "model": 8, "team_mode": {"enabled": true}, "port": {env:PORT}}',
    );
    expect(ground.options().enabled).toBe(true);
  });

  test("a folder in the place of a file cannot be read and is told", async () => {
    await using ground = await configGround();
    mkdirSync(ground.at("work/opencode.json"));
    expect(ground.problems()).toEqual(["work/opencode.json: the file cannot be read (EISDIR)."]);
  });
});
