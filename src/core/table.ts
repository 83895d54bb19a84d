/**
 * A state machine is one total table, state x command, so that nothing is decided by the order of `if`s and a reader
 * sees every case. A cell is the next state, {@link STAY} (known and without effect: facts come twice and late) or
 * {@link REFUSE} (the asker is told why).
 */
export const STAY = "stay";
export const REFUSE = "refuse";

export type Cell<State extends string> = State | typeof STAY | typeof REFUSE;

export type Table<State extends string, Command extends string> = {
  readonly [state in State]: { readonly [command in Command]: Cell<State> };
};

export type Step<State extends string> =
  | { readonly outcome: "moved"; readonly state: State }
  | { readonly outcome: "stayed"; readonly state: State }
  | { readonly outcome: "refused"; readonly state: State };

/** Looks one cell up. A cell that names its own row counts as a move: the command had its effect. */
export function step<State extends string, Command extends string>(
  table: Table<State, Command>,
  state: State,
  command: Command,
): Step<State> {
  const cell: Cell<State> = table[state][command];
  if (cell === STAY) return { outcome: "stayed", state };
  if (cell === REFUSE) return { outcome: "refused", state };
  return { outcome: "moved", state: cell as State };
}
