import { measureIdle, type IdleOptions } from './measure.ts'

/** Started by main.ts as an unprivileged user: prints the figures as JSON. */

console.log(JSON.stringify(await measureIdle(JSON.parse(process.argv[2] as string) as IdleOptions)))
