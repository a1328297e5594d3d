/**
 * Values that may be promises. A host function that returns a promise suspends its Lua coroutine,
 * which cannot be done everywhere; so what is known at once is returned at once.
 */
export function after<T, R>(value: T | Promise<T>, next: (value: T) => R): R | Promise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}
