import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')
const places = ['*.md', '.github/*.md', 'deploy/**/*.md', 'src/**/*.md', 'test/**/*.md']

/** Every document of the repository: its path from the root, and its text. */
export const documents: ReadonlyMap<string, string> = new Map(
  globSync(places, { cwd: root, exclude: ['**/node_modules/**'] })
    .sort()
    .map((path) => [path, readFileSync(join(root, path), 'utf8')])
)
