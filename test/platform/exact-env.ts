/**
 * A command that gives a program exactly this environment. tap adds variables of its own to every
 * process a test starts, which our daemons would refuse; env(1) drops them, and hands its process
 * id on.
 */
export const withExactly = (
  env: Record<string, string>,
  ...command: readonly string[]
): [program: string, args: string[]] => [
  '/usr/bin/env',
  ['-i', ...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...command]
]
