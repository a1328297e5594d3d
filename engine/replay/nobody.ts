/** Stands for a part of the engine that a dry run does not have: whoever asks it gets an error. */
export function nobody<T extends object>(what: string): T {
  const refuse = (name: string | symbol) => (): never => {
    throw new Error(`Bug: a dry run has no ${what}, but ${String(name)} was asked of it`);
  };
  return new Proxy({} as T, { get: (_, name) => refuse(name) });
}
