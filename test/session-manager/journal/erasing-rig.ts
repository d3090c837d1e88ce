import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import {
  openJournal,
  type NewRecord,
  type Journal
} from '../../../src/session-manager/journal/journal.ts'
import { newRecord } from './new-records.ts'

/** A journal with two persons in it, one of whom is erased. */

export const ana = '5215512345678@c.us'
export const bea = '5215500000000@c.us'
export const ofBea = (
  id: string,
  facts: Partial<NewRecord['message']> = {},
  kind: NewRecord['kind'] = 'message'
): NewRecord =>
  newRecord(
    id,
    { id: `false_${bea}_${id}`, chat_id: bea, from: bea, phone: '+5215500000000', ...facts },
    kind
  )

export const open = (
  t: Test,
  now?: () => number
): { journal: Journal; directory: string; reopen: () => Journal } => {
  const directory = t.testdir()
  let journal = openJournal(join(directory, 'journal.db'), 'main', now)
  t.teardown(() => journal.close())
  const reopen = (): Journal => {
    journal.close()
    return (journal = openJournal(join(directory, 'journal.db'), 'main', now))
  }
  return { journal, directory, reopen }
}

/** Whether the bytes of a text are in any file of the journal: its log and index, too. */
export const onDisk = (directory: string, text: string): boolean =>
  readdirSync(directory).some(
    (file) => file.startsWith('journal.db') && readFileSync(join(directory, file)).includes(text)
  )
export const kinds = (journal: Journal): string[] => journal.read(0, 10_000).map(({ kind }) => kind)
export const erase = (journal: Journal, chatIds: string[], messageIds: string[] = []): number =>
  journal.erase({ chatIds, messageIds })
