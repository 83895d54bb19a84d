/**
 * Named defects, each of which somebody could write on a tired day and each of which breaks a promise. The tests named with
 * it have to go red; a defect that they let live is a promise that nobody checks.
 */
export interface Fault {
  /** What the broken code does. */
  readonly name: string;
  /** Below src/. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Test files below test/, the quick ones first. */
  readonly suite: readonly string[];
}

const RUN = ["core/decide-run.test.ts"];
const MEMBERS = ["core/decide-members.test.ts"];
const MAIL = ["core/decide-mail.test.ts"];
const BUDGETS = ["core/decide-budgets.test.ts"];
const POLICY = ["core/decide-policy.test.ts"];
const GRID = ["core/decide-grid.test.ts"];
const HISTORIES = ["core/decide-histories.test.ts"];
const DELIVERY = ["core/delivery.test.ts", "core/delivery-histories.test.ts"];
const TASKS = ["core/tasks.test.ts", "core/task-histories.test.ts"];
const STORES = ["contract/storage.test.ts"];
const TRANSACT = ["app/transact.test.ts"];
const CRASHES = ["storage/crash.test.ts"];
const LANES = ["app/lane.test.ts"];
const EVENTS = ["opencode/events.test.ts"];
const COMPACTIONS = ["e2e/protocol-compaction.test.ts"];
const LATE_PARTS = ["e2e/protocol-late.test.ts"];
const UNDOS = ["e2e/protocol-undo.test.ts"];
const TIME = ["app/run-time.test.ts"];
const PLACES = ["core/worktree.test.ts"];
const GIT = ["git/worktrees.test.ts"];

export const FAULTS: readonly Fault[] = [
  {
    name: "one member that cannot start takes the whole run with it",
    file: "core/decide-run.ts",
    find: 'members.some(isLive) ? "activate" : "fail"',
    replace: 'members.every(isLive) ? "activate" : "fail"',
    suite: RUN,
  },
  {
    name: "a session that was opened for an earlier generation becomes the later one's",
    file: "core/decide-members.ts",
    find: "if (!member || member.generation !== command.generation) return UNCHANGED;",
    replace: "if (!member) return UNCHANGED;",
    suite: RUN,
  },
  {
    name: "a session that is open is opened again by the next owner",
    file: "core/decide-members.ts",
    find: 'moved(begin(dropSpawn(state, command)), command.member, "open", now)',
    replace: 'moved(begin(state), command.member, "open", now)',
    suite: RUN,
  },
  {
    name: "a graceful end throws away mail that waits",
    file: "core/decide-run.ts",
    find: 'return member.status === "waiting" && (unread[member.plan.name] ?? 0) === 0;',
    replace: 'return member.status === "waiting";',
    suite: RUN,
  },
  {
    name: "a run that is over still takes note of its lead",
    file: "core/decide.ts",
    find: 'return state.status === "closed" || state.status === "failed";',
    replace: 'return state.status === "closed";',
    suite: GRID,
  },
  {
    name: "a member that has ended since its call was let in still gets its way",
    file: "core/decide.ts",
    find: "if (member && isLive(member)) return undefined;",
    replace: "if (member) return undefined;",
    suite: MEMBERS,
  },
  {
    name: "a commit drops what earlier ones still want done",
    file: "core/change.ts",
    find: "outbox: [...change.state.outbox, ...effects],",
    replace: "outbox: effects,",
    suite: RUN,
  },
  {
    name: "two messages of one commit get the same place in the order",
    file: "core/change.ts",
    find: "change.state.messages + 1 + index",
    replace: "change.state.messages + 1",
    suite: HISTORIES,
  },
  {
    name: "mail is written to a member whose end is decided",
    file: "core/change.ts",
    find: 'return !ended && member.shutdown.status !== "approved" && member.shutdown.status !== "complete";',
    replace: "return !ended;",
    suite: MAIL,
  },
  {
    name: "a failed last turn leaves a note for a member that is gone",
    file: "core/decide-members.ts",
    find: "if (!takesMail(before)) return next;",
    replace: "",
    suite: HISTORIES,
  },
  {
    name: "who worked when the time was over is asked to wrap up though its end is agreed upon",
    file: "core/spend.ts",
    find: 'member.status === "working" && takesMail(member)',
    replace: 'member.status === "working"',
    suite: [...BUDGETS, ...HISTORIES],
  },
  {
    name: "a task that became ready is told to an owner who reads nothing any more",
    file: "core/decide-tasks.ts",
    find: 'member.status !== "starting" && takesMail(member)',
    replace: 'member.status !== "starting"',
    suite: HISTORIES,
  },
  {
    name: "a rejected shutdown is told to a member that is lost",
    file: "core/decide-members.ts",
    find: " || (asker !== LEAD && !takesMail(member))",
    replace: "",
    suite: [...MEMBERS, ...HISTORIES],
  },
  {
    name: "a session is opened for a member that was ended before it had one",
    file: "core/decide-run.ts",
    find: "{ ...change, state: dropSpawn(change.state, { member: name, generation }) }",
    replace: "change",
    suite: HISTORIES,
  },
  {
    name: "the last word is sent though the lead has heard already",
    file: "core/decide-members.ts",
    find: " && !before.turn.reported;",
    replace: ";",
    suite: MEMBERS,
  },
  {
    name: "the last word of a turn that a peer caused disturbs the lead",
    file: "core/decide-members.ts",
    find: '["lead", "person", "brief"].includes',
    replace: '["lead", "person", "brief", "peer"].includes',
    suite: MEMBERS,
  },
  {
    name: "a member that agreed to its end is ended in the middle of its turn",
    file: "core/decide-members.ts",
    find: "return hasTurn(member) || (mayHaveOne",
    replace: "return (mayHaveOne",
    suite: MEMBERS,
  },
  {
    name: "a member goes on working while one of two requests is still open",
    file: "core/decide-members.ts",
    find: "if (gates.length > 0)\n",
    replace: "if (gates.length > 1)\n",
    suite: MEMBERS,
  },
  {
    name: "a request that is the first sign of a turn begins none, and the member never settles",
    file: "core/decide-members.ts",
    find: "hasTurn(one) ? { ...one, gates, turn: one.turn ?? turn } : { ...one, gates },",
    replace: "({ ...one, gates }),",
    suite: HISTORIES,
  },
  {
    name: "a person's Esc is undone by mail of a peer",
    file: "core/decide-mail.ts",
    find: "if (by !== LEAD && by !== PERSON) return change;",
    replace: "",
    suite: MEMBERS,
  },
  {
    name: "a broadcast comes back to its sender",
    file: "core/decide-mail.ts",
    find: ".filter((name) => name !== by)",
    replace: "",
    suite: MAIL,
  },
  {
    name: "an inbox takes one message more than it may hold",
    file: "core/decide-mail.ts",
    find: "if (waiting + bytes <= unreadMaxBytes) continue;",
    replace: "if (waiting <= unreadMaxBytes) continue;",
    suite: MAIL,
  },
  {
    name: "a broadcast exceeds the number of messages that a run may have",
    file: "core/decide-mail.ts",
    find: "if (used + to.length > maxMessages)",
    replace: "if (used >= maxMessages)",
    suite: MAIL,
  },
  {
    name: "of a broadcast that was lost in two inboxes the lead hears once",
    file: "core/decide-mail.ts",
    find: "{recipient}_",
    replace: '{""}_',
    suite: MAIL,
  },
  {
    name: "a name that the language knows passes for a member",
    file: "core/run.ts",
    find: "return Object.hasOwn(state.members, name) ? state.members[name] : undefined;",
    replace: "return state.members[name];",
    suite: MAIL,
  },
  {
    name: "the lead is told of a limit again and again",
    file: "core/spend.ts",
    find: "if (state.spent.includes(key)) return change;",
    replace: "",
    suite: BUDGETS,
  },
  {
    name: "what the plugin writes by itself uses up the messages of the run",
    file: "core/change.ts",
    find: "messages.filter((message) => !isSent(message.kind)).length",
    replace: "messages.filter(() => false).length",
    suite: BUDGETS,
  },
  {
    name: "a model call that is told twice is paid twice",
    file: "core/decide-members.ts",
    find: "if (command.completedAt <= (member.countedTo ?? Number.NEGATIVE_INFINITY)) return UNCHANGED;",
    replace: "",
    suite: [...BUDGETS, ...HISTORIES],
  },
  {
    name: "a run that was given more stays stopped",
    file: "core/decide-limits.ts",
    find: "spent: spent.filter((key) => !lifted.includes(key))",
    replace: "spent",
    suite: BUDGETS,
  },
  {
    name: "a limit below what is used is not reached until more is used",
    file: "core/decide-limits.ts",
    find: "checkBudgets(lift(change, now), budgetsOf(state), now)",
    replace: "lift(change, now)",
    suite: BUDGETS,
  },
  {
    name: "the lead is never told that a member which came back has used up its turns again",
    file: "core/decide-run.ts",
    find: "change.state.spent.filter((key) => key !== ",
    replace: 'change.state.spent.filter(() => "" !== ',
    suite: BUDGETS,
  },
  {
    name: "the clock of a run goes by the time that it began with",
    file: "app/fleet.ts",
    find: "known.endsAt !== timeIsUpAt(state)",
    replace: "known.endsAt < 0",
    suite: TIME,
  },
  {
    name: "the time of a run is never over once its timer has rung early",
    file: "app/fleet.ts",
    find: "desk && clock.now() < endsAt",
    replace: "desk && endsAt < 0",
    suite: TIME,
  },
  {
    name: "mail is posted into a session that waits for an approval",
    file: "core/policy.ts",
    find: 'if (member.gates.length > 0) return "approval";',
    replace: "",
    suite: POLICY,
  },
  {
    name: "a running turn is kept from its mail by a limit",
    file: "core/policy.ts",
    find: "  if (!starts) return undefined;\n",
    replace: "",
    suite: POLICY,
  },
  {
    name: "a member that has ended may still speak",
    file: "core/policy.ts",
    find: "  team_send_message: TEAM,\n",
    replace: "  team_send_message: READ,\n",
    suite: POLICY,
  },
  {
    name: "mail is posted a ninth time",
    file: "core/delivery.ts",
    find: "return batch.attempts >= MAX_ATTEMPTS ||",
    replace: "return batch.attempts > MAX_ATTEMPTS ||",
    suite: DELIVERY,
  },
  {
    name: "mail that an approval holds is given up after its time",
    file: "core/delivery.ts",
    find: "  if (batch.held) return false;\n",
    replace: "",
    suite: DELIVERY,
  },
  {
    name: "an answer to what was stored in the same moment passes for one to ours",
    file: "core/delivery.ts",
    find: "parent.createdAt >= ours.createdAt + LATER_PARENT_MS",
    replace: "parent.createdAt >= ours.createdAt",
    suite: DELIVERY,
  },
  {
    name: "an earlier round of a batch proves the present one",
    file: "core/delivery.ts",
    find: "    mark.round === batch.round &&\n",
    replace: "",
    suite: DELIVERY,
  },
  {
    name: "a body closes its envelope in capitals",
    file: "core/envelope.ts",
    find: '{TAG_AHEAD})`, "giu");',
    replace: '{TAG_AHEAD})`, "gu");',
    suite: ["core/envelope.test.ts"],
  },
  {
    name: "a member may do what only one of lead and agent may",
    file: "core/permission-rules.ts",
    find: "RANK[lead.action] > RANK[agent.action] ? lead.action : agent.action",
    replace: "RANK[lead.action] < RANK[agent.action] ? lead.action : agent.action",
    suite: ["core/permission-rules.test.ts"],
  },
  {
    name: "a task is taken from its owner by whoever asks",
    file: "core/task-checks.ts",
    find: "  if (owner === undefined || owner === by) return undefined;\n",
    replace: "  if (owner === undefined || owner !== task.createdBy) return undefined;\n",
    suite: TASKS,
  },
  {
    name: "a task is ready while a blocker of it is open",
    file: "core/task-graph.ts",
    find: 'return task.status === "pending" && openBlockers(index, task).length === 0;',
    replace: 'return task.status === "pending" && openBlockers(index, task).length <= 1;',
    suite: TASKS,
  },
  {
    name: "tasks are made to wait for each other in a circle",
    file: "core/task-checks.ts",
    find: "const path = waitingPath(index, added, task.taskId);",
    replace: "const path = waitingPath(index, [], task.taskId);",
    suite: TASKS,
  },
  {
    name: "what a crash left in the outbox is written by nobody",
    file: "app/transact.ts",
    find: "      await this.#writeRecords(run, runId, loaded.outbox);\n      const state =",
    replace: "      const state =",
    suite: TRANSACT,
  },
  {
    name: "mail is written before the commit that it belongs to",
    file: "app/transact.ts",
    find: "      await this.#commit(run, decision.state, loaded.outbox);\n      await this.#writeRecords(run, runId, decision.effects);\n",
    replace:
      "      await this.#writeRecords(run, runId, decision.effects);\n      await this.#commit(run, decision.state, loaded.outbox);\n",
    suite: TRANSACT,
  },
  {
    name: "a tool answers before its mail is on disk",
    file: "app/transact.ts",
    find: "      await this.#writeRecords(run, runId, decision.effects);\n      return",
    replace: "      return",
    suite: TRANSACT,
  },
  {
    name: "a deed leaves the outbox before anybody has done it",
    file: "app/transact.ts",
    find: "      const outbox = loaded.outbox.filter((effect) => !this.#isDone(runId, effect));",
    replace: "      const outbox = loaded.outbox.filter(() => false);",
    suite: TRANSACT,
  },
  {
    name: "the outbox keeps what has long been done",
    file: "app/transact.ts",
    find: "const state = { ...loaded, outbox: loaded.outbox.filter((effect) => !this.#isDone(runId, effect)) };",
    replace: "const state = loaded;",
    suite: TRANSACT,
  },
  {
    name: "a message that was read is put into the inbox again",
    file: "storage/mailbox.ts",
    find: "const place = await this.#place(inbox, message.messageId);",
    replace: 'const place = (await this.#disk.exists(inbox.ready(message.messageId))) ? "ready" : undefined;',
    suite: STORES,
  },
  {
    name: "mail is read in the order of its ids",
    file: "storage/mailbox.ts",
    find: "return messages.toSorted((one, other) => one.seq - other.seq);",
    replace: "return messages;",
    suite: STORES,
  },
  {
    name: "mail on its way does not count as unread",
    file: "storage/mailbox.ts",
    find: "await this.#readAll(inbox, [...ready, ...reserved], (messageId)",
    replace: "await this.#readAll(inbox, [...ready], (messageId)",
    suite: STORES,
  },
  {
    name: "a message travels in two batches",
    file: "storage/mailbox.ts",
    find: "      for (const messageId of batch.messageIds) await this.#assertReady(inbox, batch, messageId);\n",
    replace: "",
    suite: STORES,
  },
  {
    name: "a late save brings a finished batch back",
    file: "storage/mailbox.ts",
    find: "if (await this.#disk.exists(path)) await this.#disk.replace(path, formatRecord(batch));",
    replace: "await this.#disk.replace(path, formatRecord(batch));",
    suite: STORES,
  },
  {
    name: "a crash between the batch file and its renames leaves mail that nobody sends",
    file: "storage/mailbox.ts",
    find: 'if (place === "ready") await this.#disk.move(inbox.ready(messageId), inbox.reserved(messageId));',
    replace: "",
    suite: CRASHES,
  },
  {
    name: "the batch file goes before its messages are acked",
    file: "storage/mailbox.ts",
    find: "    await this.#disk.makeFolder(inbox.processed);\n    for",
    replace:
      "    await this.#disk.makeFolder(inbox.processed);\n    await this.#disk.remove(inbox.batch(batch.batchId));\n    for",
    suite: CRASHES,
  },
  {
    name: "a reservation whose batch is gone stays hidden",
    file: "storage/mailbox.ts",
    find: "    await this.#returnOrphans(inbox);\n",
    replace: "",
    suite: ["storage/unreadable.test.ts", ...CRASHES],
  },
  {
    name: "a task is set back by an old write that is done again",
    file: "storage/task-store.ts",
    find: "if (there && there.revision >= task.revision)",
    replace: "if (there && there.revision > task.revision)",
    suite: STORES,
  },
  {
    name: "a journal line that is appended again stands there twice",
    file: "storage/journal.ts",
    find: "      .filter((entry) => (known.lines.get(entry.revision) ?? -1) < entry.index)\n",
    replace: "",
    suite: ["storage/journal.test.ts", ...STORES],
  },
  {
    name: "a torn last line is continued instead of cut",
    file: "storage/disk.ts",
    find: "if (fstatSync(file).size > size) ftruncateSync(file, size);",
    replace: "",
    suite: ["storage/journal.test.ts", ...CRASHES],
  },
  {
    name: "the sweep of the archive takes what only has the name of a run",
    file: "storage/run-store.ts",
    find: "if (!reading.ok || reading.value.runId !== runId) return false;",
    replace: "if (!reading.ok) return false;",
    suite: ["storage/sweep-archive.test.ts"],
  },
  {
    name: "the sweep of the archive takes what was archived yesterday",
    file: "storage/run-store.ts",
    find: " || Number(found.mtimeMs) >= before) return false;",
    replace: ") return false;",
    suite: STORES,
  },
  {
    name: "a write that takes a while is seen half done",
    file: "storage/disk.ts",
    find: "const temp = tempName(dirname(path));",
    replace: "const temp = path;",
    suite: ["storage/disk.test.ts"],
  },
  {
    name: "a lock that another process holds is handed out",
    file: "storage/lock.ts",
    find: '      if (taking.kind === "taken") return taking.token;\n',
    replace:
      '      if (taking.kind === "taken" || taking.by) return "token" in taking ? taking.token : "";\n',
    suite: STORES,
  },
  {
    name: "two who find a dead holder both take its place",
    file: "storage/claims.ts",
    find: "if ((await this.#isHeir(path, mine)) && (await this.#disk.move(line.vacant, path)))",
    replace: "if (await this.#disk.move(line.vacant, path))",
    suite: ["storage/claims.test.ts", "storage/lock.test.ts"],
  },
  {
    name: "a look that waits already is taken for one after the news behind it",
    file: "app/lane.ts",
    find: "    this.#last = undefined;\n    this.#tail",
    replace: "    this.#tail",
    suite: LANES,
  },
  {
    name: "every description of a session says that nobody is in the middle of an undo",
    file: "opencode/events.ts",
    find: 'isUndoStaged(fields(properties["info"])) ? undefined : {',
    replace: "false ? undefined : {",
    suite: EVENTS,
  },
  {
    name: "newer mail overtakes what a compaction has hidden",
    file: "app/courier.ts",
    find: "if (!putOff && !(followed && this.#isOutOfSight(batch))) return false;",
    replace: "if (!putOff) return false;",
    suite: COMPACTIONS,
  },
  {
    name: "the summary of a compaction is told as a member's last word",
    file: "opencode/sessions.ts",
    find: 'text: info["summary"] === true ? "" : textOf(message),',
    replace: "text: textOf(message),",
    suite: COMPACTIONS,
  },
  {
    name: "mail is taken for read because its reminder was",
    file: "app/courier.ts",
    find: "({ mark, text }) => isOf(batch, mark) && this.#world.ids.digest(text) === batch.textDigest,",
    replace: "({ mark }) => mark.batchId === batch.batchId && mark.round === batch.round,",
    suite: LATE_PARTS,
  },
  {
    name: "a batch that was put off waits for its time although its hold has ended",
    file: "app/courier.ts",
    find: "const putOff = held !== undefined && held.by !== BUSY;",
    replace: "const putOff = false;",
    suite: UNDOS,
  },
  {
    name: "a name that comes back is given another worktree than the one with its work",
    file: "core/decide-run.ts",
    find: "standing(former?.worktree) ?? (site && { ...site, made: false })",
    replace: "site && { ...site, made: false }",
    suite: PLACES,
  },
  {
    name: "the worktree of a member that ended earlier is forgotten",
    file: "core/decide-run.ts",
    find: "    if (standing(member.worktree)) {",
    replace: "    if (isLive(member) && standing(member.worktree)) {",
    suite: PLACES,
  },
  {
    name: "ignored files are deleted with a worktree, as git does it",
    file: "git/holdings.ts",
    find: 'return [...some("uncommitted", changed), ...some("ignored by git", ignored)];',
    replace: 'return some("uncommitted", changed);',
    suite: GIT,
  },
  {
    name: "files that a person's settings hide from git status are deleted with a worktree",
    file: "git/holdings.ts",
    find: '    "--untracked-files=normal",\n',
    replace: "",
    suite: GIT,
  },
  {
    name: "a file that was marked assume-unchanged is deleted with its changes",
    file: "git/holdings.ts",
    find: "/^[a-zS] /",
    replace: "/^never /",
    suite: GIT,
  },
  {
    name: "a branch is deleted with commits that are nowhere else",
    file: "git/worktrees.ts",
    find: "const onBranch = await unmergedOn(repository, worktree, known);",
    replace: "const onBranch = (await unmergedOn(repository, worktree, known)).slice(1);",
    suite: GIT,
  },
  {
    name: "commits on a detached HEAD go with their worktree",
    file: "git/worktrees.ts",
    find: "...(await unmergedHead(here, known)), ",
    replace: "...(await unmergedHead(here, known)).slice(1), ",
    suite: GIT,
  },
  {
    name: "a branch that somebody else made in the meantime is taken for ours",
    file: "git/worktrees.ts",
    find: "if (worktree.made || (await isProven(repository, worktree))) return;",
    replace: "return;",
    suite: GIT,
  },
  {
    name: "a worktree that somebody else made in the meantime is removed",
    file: "git/worktrees.ts",
    find: "if (!made && !(await isProven(repository, worktree)))",
    replace: "if (false as boolean)",
    suite: GIT,
  },
  {
    name: "a worktree that git is still filling is used",
    file: "git/worktrees.ts",
    find: "if (gitDirectory === undefined || (await lockOf(gitDirectory)) !== BEING_MADE) return;",
    replace: "return;",
    suite: GIT,
  },
  {
    name: "a branch that a person has checked out is deleted",
    file: "git/worktrees.ts",
    find: "if (tip === undefined || elsewhere)",
    replace: "if (tip === undefined)",
    suite: GIT,
  },
  {
    name: "git works on the repository whose hook started OpenCode",
    file: "git/git.ts",
    find: ".filter(([name]) => !NOT_INHERITED.includes(name))",
    replace: "",
    suite: GIT,
  },
];
