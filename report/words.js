/** How times and amounts are said, and how elements are made. Text is only ever set as text. */

/** @param {number} ms */
export function lengthOf(ms) {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
}

/**
 * Since the beginning: `1:02:03`, as fine as it has to be told apart.
 * @param {number} ms
 * @param {number} [step]
 */
export function offsetOf(ms, step = 1) {
  const whole = Math.floor(ms / 1_000);
  const two = (/** @type {number} */ part) => String(part).padStart(2, "0");
  const [hours, minutes, seconds] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60, whole % 60];
  const clock = hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
  return step >= 1_000 ? clock : `${clock}.${String(Math.floor(ms) % 1_000).padStart(3, "0")}`;
}

/** @param {number} amount */
export function amountOf(amount) {
  return Number(amount.toFixed(4)).toLocaleString("en-US", { maximumFractionDigits: 4 });
}

/** @param {string} id */
export function element(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Partial<HTMLElementTagNameMap[Name]>} [parts]
 * @param {readonly (Node | string)[]} [content]
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function made(name, parts = {}, content = []) {
  const node = Object.assign(document.createElement(name), parts);
  node.append(...content);
  return node;
}
