import { existsSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Other people's tools and clients, `test/consumer/packages`, where `scripts/setup --test` installs
 * them.
 */

export const root = new URL('../..', import.meta.url).pathname
const installed = join(root, 'node_modules/.cache/leadmaster/consumer')

/** For `skip` of a test that needs them. */
export const packagesMissing = existsSync(join(installed, 'installed'))
  ? false
  : 'test/consumer/packages is not installed: run scripts/setup --test, which needs the npm registry'

/** A file of them, such as `vite/bin/vite.js`. */
export const packageFile = (path: string): string => join(installed, 'node_modules', path)
