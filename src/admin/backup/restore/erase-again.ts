import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readEnvFile } from '../../../platform/env-file.ts'
import { openDatabase } from '../../../platform/sqlite.ts'
import { eraseAgain as eraseInStore } from '../../../central-hub/store/write/erase-again.ts'
import { openStore } from '../../../central-hub/store/open.ts'
import type { InboundRecord } from '../../../contract/record.ts'
import { openJournal } from '../../../session-manager/journal/journal.ts'
import { deleteErasedMedia } from '../../../session-manager/journal/media.ts'

/**
 * Repeats in a restored backup the deletions that were made after it. The journal in use knows
 * them.
 */

interface Restored {
  /** The journal that was in use and is to be replaced. */
  journal: string
  /** The copy of the backup, not in use yet. */
  directory: string
  /** The env file of its session-manager. */
  env: string
  /** The state directories of hubs that are restored with it. */
  hubs: readonly string[]
}

/** @returns what was done, in plain words; undefined when there was nothing to do */
export const eraseAgain = async ({
  journal: newer,
  directory,
  env,
  hubs
}: Restored): Promise<string | undefined> => {
  const file = join(directory, 'journal.db')
  if (!existsSync(newer) || !existsSync(file)) return undefined
  const account = readEnvFile(env).variables['ACCOUNT'] ?? ''
  const current = openDatabase(newer, { readOnly: true })
  const journal = openJournal(file, account)
  try {
    const records = journal.eraseAsIn(current)
    if (records === undefined) return undefined
    await deleteErasedMedia(journal, join(directory, 'media'))
    let [leads, messages] = [0, 0]
    const known = {
      isErased: (message: InboundRecord['message']) =>
        journal.wasErasedOnRequest({ message } as InboundRecord),
      isErasedChat: (chatId: string) => journal.hasErasedChat(chatId)
    }
    for (const hub of hubs) {
      const store = await openStore(hub)
      const erased = await eraseInStore(store.db, account, known)
      await store.scrub()
      await store.close()
      leads += erased.leads
      messages += erased.messages
    }
    if (records + messages === 0) return undefined
    return (
      `deletions made since the backup were made again in account ${account}: ${leads} leads, ` +
      `${messages} messages, ${records} records`
    )
  } finally {
    journal.checkpoint()
    journal.close()
    current.close()
  }
}
