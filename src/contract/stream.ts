/**
 * How records cross from session-managers to hubs in NATS: one stream for all, a subject for each
 * account, one message for each record as JSON.
 */

export const recordStream = 'LEADMASTER'

/** An account's name is 1 to 32 letters, digits, `-` and `_`, so a subject can contain it as is. */
export const recordSubject = (account: string): string => `leadmaster.records.${account}`

/** The subjects of all accounts. */
export const recordSubjects = 'leadmaster.records.*'

/** The account of a subject. */
export const accountOf = (subject: string): string => subject.slice(recordSubject('').length)

/** The id of the record's journal, and the record's `seq` there. */
export const journalHeader = 'Leadmaster-Journal'
export const seqHeader = 'Leadmaster-Seq'

/**
 * On the first record that a host forwards after another host had the account: `JOURNAL:SEQ`, the
 * account's last record in the stream before it. A hub follows this journal from this record on,
 * once it has stored the other journal up to there.
 */
export const afterHeader = 'Leadmaster-After'

/**
 * `Nats-Msg-Id`, by which the stream drops duplicates within its window: the place of the record in
 * its journal. The message's own id is not enough: its edits, reactions and media are records,
 * too.
 */
export const recordId = (journalId: string, seq: number): string => `${journalId}:${seq}`
