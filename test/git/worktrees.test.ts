import { describe, expect, test } from "bun:test";
import { chmod, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Worktree } from "../../src/core/worktree.ts";
import { type GitGround, gitGround, isThere } from "./ground.ts";

const BRANCH = "team/crew/ada";

async function branches({ git }: GitGround): Promise<readonly string[]> {
  const list = await git(["for-each-ref", "--format=%(refname:short)", "refs/heads"]);
  return list.split("\n");
}

describe("a worktree that is planned", () => {
  test("has names that are free, and nothing is made", async () => {
    await using ground = await gitGround();
    const before = await ground.git(["for-each-ref"]);
    expect(await ground.plan()).toEqual({
      repository: join(ground.work, ".git"),
      path: ground.folder.at("base", "worktrees", "run_1", "ada"),
      branch: BRANCH,
      base: await ground.git(["rev-parse", "HEAD"]),
      baseBranch: "main",
      mark: "flotilla: run_1 ada",
    });
    expect(await ground.git(["for-each-ref"])).toBe(before);
    expect(await isThere(ground.folder.at("base"))).toBe(false);
  });

  test("takes the first number with which its branch is free", async () => {
    await using ground = await gitGround();
    await ground.git(["branch", BRANCH]);
    await ground.git(["branch", `${BRANCH}-2/of-somebody`]);
    expect((await ground.plan()).branch).toBe(`${BRANCH}-3`);
  });

  test("may have a path of its own, from the lead's directory, with the links in it resolved", async () => {
    await using ground = await gitGround();
    await mkdir(ground.folder.at("real"));
    await symlink(ground.folder.at("real"), ground.folder.at("link"));
    expect((await ground.plan({ path: "../link/deep/ada's place" })).path).toBe(
      ground.folder.at("real", "deep", "ada's place"),
    );
  });

  const REFUSALS: readonly (readonly [
    title: string,
    prepare: (ground: GitGround) => Promise<Parameters<GitGround["plan"]>[0]>,
    says: RegExp,
  ])[] = [
    [
      "outside of any repository",
      async ({ folder }) => ({ directory: folder.path }),
      /is in no git repository$/,
    ],
    [
      "in a repository without a commit",
      async ({ folder, git }) => {
        await git(["init", "--quiet", folder.at("empty")]);
        return { directory: folder.at("empty") };
      },
      /has no commit yet$/,
    ],
    [
      "at a path that exists",
      async ({ work }) => ({ path: join(work, "file.txt") }),
      /file\.txt exists already$/,
    ],
    [
      "at a path where an empty folder is",
      async ({ folder }) => {
        await mkdir(folder.at("empty"));
        return { path: folder.at("empty") };
      },
      /empty exists already$/,
    ],
    [
      "at a path where a link leads nowhere",
      async ({ folder }) => {
        await symlink(folder.at("nowhere"), folder.at("link"));
        return { path: folder.at("link") };
      },
      /link exists already$/,
    ],
    [
      "at a path that git still has on record",
      async ({ folder, git }) => {
        await git(["worktree", "add", "--quiet", folder.at("lost")]);
        await rm(folder.at("lost"), { recursive: true });
        return { path: folder.at("lost") };
      },
      /lost exists already$/,
    ],
    [
      "where a branch leaves no room for branches below it",
      async ({ git }) => {
        await git(["branch", "team"]);
        return {};
      },
      /^the branch "team" leaves no room for branches below it, such as "team\/crew\/ada"$/,
    ],
  ];
  for (const [title, prepare, says] of REFUSALS) {
    test(`is refused ${title}`, async () => {
      await using ground = await gitGround();
      const order = await prepare(ground);
      const refusal = await ground.plan(order).catch((fault: unknown) => fault);
      expect(refusal).toMatchObject({
        code: "worktree_failed",
        message: expect.stringMatching(says),
        hint: expect.stringContaining("leave worktree out"),
      });
    });
  }

  test("is refused where there is no git", async () => {
    await using ground = await gitGround({ PATH: "/nowhere" });
    await expect(ground.plan()).rejects.toMatchObject({
      code: "worktree_failed",
      hint: "Install git and have it on PATH, or leave worktree out.",
    });
  });

  test("is of the repository around the lead: a subdirectory's, a worktree's, a submodule's, one with a bare heart", async () => {
    await using ground = await gitGround();
    const { folder, git, work, write } = ground;
    await write(join(work, "deep", "er", "file.txt"));
    expect((await ground.plan({ directory: join(work, "deep", "er") })).repository).toBe(join(work, ".git"));
    await git(["worktree", "add", "--quiet", "-b", "side", folder.at("side")]);
    expect(await ground.plan({ directory: folder.at("side") })).toMatchObject({
      repository: join(work, ".git"),
      baseBranch: "side",
    });
    await git(["clone", "--quiet", "--bare", work, folder.at("heart", ".bare")]);
    await write(folder.at("heart", ".git"), "gitdir: ./.bare\n");
    const inBare = await ground.made({ directory: folder.at("heart"), member: "bo" });
    expect(inBare.repository).toBe(folder.at("heart", ".bare"));
    expect(await readFile(join(inBare.path, "file.txt"), "utf8")).toBe("text\n");
    await git(["submodule", "--quiet", "add", work, "sub"]);
    const inSub = await ground.made({ directory: join(work, "sub"), member: "cy", branch: "team/crew/cy" });
    expect(inSub.repository).toBe(join(work, ".git", "modules", "sub"));
    expect(await readFile(join(inSub.path, "file.txt"), "utf8")).toBe("text\n");
    expect(await ground.worktrees.remove(inSub, join(work, "sub"))).toEqual({ outcome: "removed" });
    expect(await isThere(inSub.path)).toBe(false);
  });
});

describe("a worktree that is made", () => {
  test("is a real one on a branch of its own, and closed to others", async () => {
    await using ground = await gitGround();
    const { path, base } = await ground.made();
    expect(await ground.git(["rev-parse", "--abbrev-ref", "HEAD"], path)).toBe(BRANCH);
    expect(await ground.git(["rev-parse", "HEAD"], path)).toBe(base);
    expect(await readFile(join(path, "file.txt"), "utf8")).toBe("text\n");
    expect(await ground.git(["status", "--porcelain"])).toBe("");
    const stats = await Bun.file(join(path, "..")).stat();
    expect(stats.mode & 0o077).toBe(0);
  });

  test("is of its lead's repository, though runs of several share the base folder, the label and the names", async () => {
    await using ground = await gitGround();
    const other = ground.folder.at("another project");
    await ground.git(["clone", "--quiet", ground.work, other]);
    const here = await ground.made();
    const there = await ground.made({ runId: "run_2", directory: other });
    expect([here.branch, there.branch]).toEqual([BRANCH, BRANCH]);
    await ground.write(join(there.path, "new.txt"));
    expect(await ground.worktrees.remove(here, ground.work)).toEqual({ outcome: "removed" });
    expect(await ground.worktrees.remove(there, other)).toMatchObject({ outcome: "kept" });
    expect(await ground.git(["branch", "--list", "team/*"], other)).toContain(BRANCH);
  });

  test("starts from what the lead has checked out, be it no branch", async () => {
    await using ground = await gitGround();
    await ground.git(["checkout", "--quiet", "--detach"]);
    const worktree = await ground.made();
    expect(worktree.baseBranch).toBeUndefined();
    expect(await ground.git(["rev-parse", "HEAD"], worktree.path)).toBe(worktree.base);
  });

  test("is found when it is made again, with what is in it", async () => {
    await using ground = await gitGround();
    const worktree = await ground.made();
    await ground.write(join(worktree.path, "new.txt"), "work\n");
    await ground.worktrees.make({ ...worktree, made: false });
    await ground.worktrees.make(worktree);
    expect(await readFile(join(worktree.path, "new.txt"), "utf8")).toBe("work\n");
  });

  test("is found by two who make it at once", async () => {
    await using ground = await gitGround();
    const worktree = { ...(await ground.plan()), made: false };
    await Promise.all([ground.worktrees.make(worktree), ground.worktrees.make(worktree)]);
    expect(await isThere(join(worktree.path, "file.txt"))).toBe(true);
  });

  test("goes on from the branch alone, if its maker died in between", async () => {
    await using ground = await gitGround();
    const { base, mark, ...site } = await ground.plan();
    await ground.git(["update-ref", "--create-reflog", "-m", mark, `refs/heads/${BRANCH}`, base]);
    await ground.worktrees.make({ ...site, base, mark, made: false });
    expect(await isThere(join(site.path, "file.txt"))).toBe(true);
  });

  test("waits for git that a dead process has left at work on it", async () => {
    await using ground = await gitGround();
    const worktree = await ground.made();
    const lock = join(ground.work, ".git", "worktrees", "ada", "locked");
    await writeFile(lock, "initializing");
    let done = false;
    const making = ground.worktrees.make({ ...worktree, made: false }).then(() => {
      done = true;
    });
    // Far more than what is asked of one that is ready.
    await ground.made({ member: "bo", branch: "team/crew/bo" });
    expect(done).toBe(false);
    await rm(lock);
    await making;
  });

  test("is refused, and nothing touched, where somebody was faster with the branch or the path", async () => {
    await using ground = await gitGround();
    const { git, folder } = ground;
    const byBranch = { ...(await ground.plan()), made: false };
    await git(["branch", BRANCH]);
    await expect(ground.worktrees.make(byBranch)).rejects.toMatchObject({
      message: `branch ${BRANCH} exists already, and was not made for this member`,
    });
    const byPath = { ...(await ground.plan({ path: "../place" })), made: false };
    await ground.write(folder.at("place", "theirs.txt"));
    await expect(ground.worktrees.make(byPath)).rejects.toMatchObject({
      message: `${folder.at("place")} exists already, and was not made for this member`,
    });
    const byWorktree = { ...(await ground.plan({ path: "../other" })), made: false };
    await git(["worktree", "add", "--quiet", "-b", "theirs", folder.at("other")]);
    await expect(ground.worktrees.make(byWorktree)).rejects.toMatchObject({
      message: `${folder.at("other")} is a worktree already, on theirs, and was not made for this member`,
    });
    await rm(folder.at("other"), { recursive: true });
    await expect(ground.worktrees.make(byWorktree)).rejects.toMatchObject({
      message: `${folder.at("other")} is a worktree already, on theirs, and was not made for this member`,
    });
    const before = await branches(ground);
    for (const one of [byBranch, byPath, byWorktree]) {
      expect(await ground.worktrees.remove(one, ground.work)).toEqual({ outcome: "removed" });
    }
    expect(await isThere(folder.at("place", "theirs.txt"))).toBe(true);
    expect(await git(["worktree", "list"])).toContain(folder.at("other"));
    expect(await branches(ground)).toEqual(before);
  });

  test("runs the person's post-checkout hook, whose failure or question stops nothing", async () => {
    await using ground = await gitGround();
    const hook = join(ground.work, ".git", "hooks", "post-checkout");
    await ground.write(hook, "#!/bin/sh\nread answer\necho ran > hook.log\nexit 3\n");
    await chmod(hook, 0o755);
    const { path } = await ground.made();
    expect(await readFile(join(path, "hook.log"), "utf8")).toBe("ran\n");
  });

  test("is of this repository, though OpenCode was started from a hook of another one", async () => {
    await using another = await gitGround();
    const inherited = { GIT_DIR: join(another.work, ".git"), GIT_INDEX_FILE: another.folder.at("index") };
    await using ground = await gitGround(inherited);
    expect((await ground.made()).repository).toBe(join(ground.work, ".git"));
    expect(await branches(another)).toEqual(["main"]);
  });

  test("is made again from its branch when only its folder is gone", async () => {
    await using ground = await gitGround();
    const worktree = await ground.made();
    await ground.write(join(worktree.path, "new.txt"));
    await ground.git(["add", "--all"], worktree.path);
    await ground.git(["commit", "--quiet", "--message", "Work"], worktree.path);
    await rm(worktree.path, { recursive: true });
    await ground.worktrees.make(worktree);
    expect(await isThere(join(worktree.path, "new.txt"))).toBe(true);
  });
});

/** What is done to a worktree, and what keeps it then. */
const KEPT: readonly (readonly [
  title: string,
  change: (worktree: Worktree, ground: GitGround) => Promise<void>,
  holds: readonly string[],
])[] = [
  [
    "a changed file",
    async ({ path }, { write }) => write(join(path, "file.txt"), "changed\n"),
    ["uncommitted: file.txt"],
  ],
  ["a new file", async ({ path }, { write }) => write(join(path, "new.txt")), ["uncommitted: new.txt"]],
  [
    "a new file that a person's settings hide",
    async ({ path }, { git, write }) => {
      await git(["config", "status.showUntrackedFiles", "no"]);
      await write(join(path, "new.txt"));
    },
    ["uncommitted: new.txt"],
  ],
  [
    "a staged file",
    async ({ path }, { git, write }) => {
      await write(join(path, "new.txt"));
      await git(["add", "new.txt"], path);
    },
    ["uncommitted: new.txt"],
  ],
  [
    "many new files",
    async ({ path }, { write }) => {
      for (const name of ["a", "b", "c", "d", "e"]) await write(join(path, name));
    },
    ["uncommitted: a, b, c and 2 more"],
  ],
  [
    "a file that git ignores",
    async ({ path }, { write }) => write(join(path, "made.log")),
    ["ignored by git: made.log"],
  ],
  [
    "a file that git was told not to look at",
    async ({ path }, { git, write }) => {
      await git(["update-index", "--assume-unchanged", "file.txt"], path);
      await write(join(path, "file.txt"), "changed\n");
    },
    ["hidden from git status: file.txt"],
  ],
  [
    "commits that are not merged",
    async ({ path }, { git }) => {
      await git(["commit", "--quiet", "--allow-empty", "--message", "One"], path);
      await git(["commit", "--quiet", "--allow-empty", "--message", "Two"], path);
    },
    ["2 commits not merged into main"],
  ],
  [
    "a detached HEAD with a commit of its own",
    async ({ path }, { git }) => {
      await git(["checkout", "--quiet", "--detach"], path);
      await git(["commit", "--quiet", "--allow-empty", "--message", "One"], path);
    },
    ["a detached HEAD with 1 commit on no branch"],
  ],
  [
    "a lock",
    async ({ path }, { git }) => void (await git(["worktree", "lock", "--reason", "on a stick", path])),
    ["a lock (on a stick)"],
  ],
  [
    "a merge half done",
    async ({ path }, { git }) => {
      await git([
        "branch",
        "side",
        `${await git(["commit-tree", "-m", "Side", "HEAD^{tree}", "-p", "HEAD"])}`,
      ]);
      await git(["commit", "--quiet", "--allow-empty", "--message", "Main"]);
      await git(["merge", "--quiet", "--ff-only", "main"], path);
      await git(["merge", "--no-commit", "--no-ff", "side"], path);
    },
    ["a merge half done"],
  ],
  [
    "a rebase half done",
    async ({ path }, { git, write }) => {
      await write(join(path, "file.txt"), "theirs\n");
      await git(["commit", "--quiet", "--all", "--message", "One"], path);
      await git(["rebase", "--exec", "false", "HEAD~1"], path).catch(() => undefined);
      await git(["merge", "--quiet", BRANCH]);
    },
    ["a rebase half done"],
  ],
  [
    "a submodule",
    async ({ path }, { git, work }) => {
      await git(["clone", "--quiet", work, join(path, "..", "..", "..", "..", "library")]);
      await git(["submodule", "--quiet", "add", join(path, "..", "..", "..", "..", "library"), "sub"], path);
      await git(["commit", "--quiet", "--message", "Submodule"], path);
      await git(["merge", "--quiet", BRANCH]);
    },
    ["submodules: sub"],
  ],
];

describe("a worktree whose run is deleted", () => {
  test("is removed with its branch when nothing was done in it", async () => {
    await using ground = await gitGround();
    const worktree = await ground.made();
    expect(await ground.worktrees.holdings(worktree, ground.work)).toEqual([]);
    expect(await ground.worktrees.remove(worktree, ground.work)).toEqual({ outcome: "removed" });
    expect(await isThere(ground.folder.at("base", "worktrees"))).toBe(false);
    expect(await branches(ground)).toEqual(["main"]);
    expect(await ground.git(["worktree", "list", "--porcelain"])).not.toContain("ada");
  });

  test("is removed when its commits are merged, also if the lead is elsewhere by then", async () => {
    await using ground = await gitGround();
    const worktree = await ground.made();
    await ground.git(["commit", "--quiet", "--allow-empty", "--message", "One"], worktree.path);
    await ground.git(["merge", "--quiet", "--no-ff", BRANCH]);
    await ground.git(["checkout", "--quiet", "-b", "elsewhere", "HEAD~1"]);
    expect(await ground.worktrees.remove(worktree, ground.work)).toEqual({ outcome: "removed" });
    expect(await branches(ground)).toEqual(["elsewhere", "main"]);
  });

  for (const [title, change, holds] of KEPT) {
    test(`is kept and told with ${title}`, async () => {
      await using ground = await gitGround();
      const worktree = await ground.made();
      await change(worktree, ground);
      const status = await ground.git(["status", "--porcelain", "--ignored"], worktree.path);
      const refs = await ground.git(["for-each-ref"]);
      expect(await ground.worktrees.holdings(worktree, ground.work)).toEqual(holds);
      expect(await ground.worktrees.remove(worktree, ground.work)).toEqual({
        outcome: "kept",
        reason: holds.join("; "),
        wayOut: expect.stringContaining(`git worktree remove ${worktree.path}`),
      });
      expect(await ground.git(["status", "--porcelain", "--ignored"], worktree.path)).toBe(status);
      expect(await ground.git(["for-each-ref"])).toBe(refs);
    });
  }

  test("is removed though the host has written into it", async () => {
    await using ground = await gitGround();
    const committed = '{\n  "model": "mock/m"\n}\n';
    await ground.write(join(ground.work, "opencode.json"), committed);
    await ground.write(join(ground.work, ".opencode", "agent", "x.md"));
    await ground.git(["add", "--all"]);
    await ground.git(["commit", "--quiet", "--message", "Configure"]);
    const worktree = await ground.made();
    const at = (...names: readonly string[]): string => join(worktree.path, ...names);
    await ground.write(at(".opencode", ".gitignore"), "node_modules\npackage.json\n.gitignore\n");
    await ground.write(at(".opencode", "package.json"));
    await ground.write(at(".opencode", "node_modules", "x", "index.js"));
    const withSchema = committed.replace("{", '{\n  "$schema": "https://opencode.ai/config.json",');
    await ground.write(at("opencode.json"), withSchema);
    expect(await ground.worktrees.holdings(worktree, ground.work)).toEqual([]);
    await ground.write(at("opencode.json"), withSchema.replace("mock/m", "mock/n"));
    expect(await ground.worktrees.holdings(worktree, ground.work)).toEqual(["uncommitted: opencode.json"]);
    await ground.write(at("opencode.json"), withSchema);
    expect(await ground.worktrees.remove(worktree, ground.work)).toEqual({ outcome: "removed" });
    expect(await isThere(worktree.path)).toBe(false);
  });

  test("is removed by whoever comes next, if its remover died half-way", async () => {
    await using ground = await gitGround();
    const worktree = await ground.made();
    await ground.git(["worktree", "remove", worktree.path]);
    expect(await ground.worktrees.remove(worktree, ground.work)).toEqual({ outcome: "removed" });
    expect(await branches(ground)).toEqual(["main"]);
    expect(await ground.worktrees.remove(worktree, ground.work)).toEqual({ outcome: "removed" });
  });

  test("whose folder a person has deleted is taken off git's record, and no other one with it", async () => {
    await using ground = await gitGround();
    const worktree = await ground.made();
    await ground.git(["worktree", "add", "--quiet", ground.folder.at("lost")]);
    await rm(ground.folder.at("lost"), { recursive: true });
    await rm(worktree.path, { recursive: true });
    expect(await ground.worktrees.remove(worktree, ground.work)).toEqual({ outcome: "removed" });
    const list = await ground.git(["worktree", "list"]);
    expect(list).not.toContain("ada");
    expect(list).toContain("lost");
  });

  test("leaves alone what has taken its place, and the branch that a person has checked out", async () => {
    await using ground = await gitGround();
    const worktree = await ground.made();
    await ground.git(["worktree", "remove", worktree.path]);
    await ground.git(["init", "--quiet", worktree.path]);
    expect(await ground.worktrees.remove(worktree, ground.work)).toMatchObject({
      outcome: "kept",
      reason: "a folder that is no worktree of the repository any more",
    });
    await rm(worktree.path, { recursive: true });
    await ground.git(["checkout", "--quiet", BRANCH]);
    expect(await ground.worktrees.remove(worktree, ground.work)).toEqual({ outcome: "removed" });
    expect(await branches(ground)).toEqual(["main", BRANCH]);
  });

  test("leaves a branch that a person has made in the place of ours", async () => {
    await using ground = await gitGround();
    const worktree = await ground.made();
    await ground.git(["worktree", "remove", worktree.path]);
    await ground.git(["branch", "--quiet", "-d", BRANCH]);
    await ground.git(["branch", BRANCH]);
    expect(await ground.worktrees.remove(worktree, ground.work)).toMatchObject({ outcome: "removed" });
    expect(await branches(ground)).toEqual(["main", BRANCH]);
  });

  test("keeps a branch of another name that was made in it", async () => {
    await using ground = await gitGround();
    const worktree = await ground.made();
    await ground.git(["checkout", "--quiet", "-b", "mine"], worktree.path);
    await ground.git(["commit", "--quiet", "--allow-empty", "--message", "One"], worktree.path);
    expect(await ground.worktrees.remove(worktree, ground.work)).toEqual({ outcome: "removed" });
    expect(await branches(ground)).toEqual(["main", "mine"]);
  });
});
