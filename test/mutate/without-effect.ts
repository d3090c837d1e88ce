import type { WithoutEffect } from './report.ts'

/**
 * Mutants that nobody could tell from the code, each with the reason. Who changes such a line goes
 * through its entries: the command names those that fit no line.
 */
export const withoutEffect: readonly WithoutEffect[] = [
  ...of('central-hub/api/access.ts', "const [expires = '', signature = ''] = cookie.split('.')", {
    '"Stryker was here!"':
      'a part of the cookie that is not there is refused, whatever text is taken in its place'
  }),
  ...of(
    'central-hub/api/access.ts',
    "export const setCookie = ({ headers: { origin = '' } }: Request, value: string, maxAge = lifetimeS): string =>",
    {
      '"Stryker was here!"': 'only whether it begins with https:// is asked'
    }
  ),
  ...of(
    'central-hub/store/write/write-lead.ts',
    'lead.isDetailChanged ||= next.ad !== row.ad || next.ad_at !== row.ad_at || next.name !== row.name || next.first_seen !== row.first_seen || next.imported_name !== row.imported_name',
    {
      true: 'what is as it was is written once more, as it was'
    }
  ),
  ...of(
    'central-hub/store/write/write-lead.ts',
    'if (lead.row.id !== 0) this.leads.set(lead.row.id, lead)',
    {
      true: 'no row of the store names a lead 0'
    }
  ),
  ...of(
    'central-hub/store/write/write-lead.ts',
    'if (!lead.identities.includes(identity)) lead.identities.push(identity)',
    {
      true: 'what is there twice is written twice, with the same values'
    }
  ),
  ...of(
    'central-hub/store/write/write-lead.ts',
    'if (row.phone !== null) this.#byPhone.set(row.phone, identity)',
    {
      true: 'nobody is looked up by null'
    }
  ),
  ...of(
    'central-hub/store/write/write-lead.ts',
    'if (row.lid !== null) this.#byLid.set(row.lid, identity)',
    {
      true: 'nobody is looked up by null'
    }
  ),
  ...of(
    'central-hub/store/write/write-lead.ts',
    "return this.#byPhone.get(phone ?? '') ?? this.#byLid.get(lid ?? '')",
    {
      '"Stryker was here!"': 'nobody has such a number or LID'
    }
  ),
  ...of(
    'central-hub/store/write/write-lead.ts',
    "const [holder, known] = [this.#byPhone.get(phone ?? ''), this.#byLid.get(lid ?? '')]",
    { '"Stryker was here!"': 'nobody has such a number or LID' }
  ),
  ...of(
    'central-hub/store/write/write-lead.ts',
    'const identity = lead?.identities.find(({ row }) => row.lid === former?.lid) ?? lead?.identities[0] ?? holder',
    {
      '() => undefined':
        'a message without a LID teaches nothing: of its identity only the lead counts',
      true: 'a message without a LID teaches nothing: of its identity only the lead counts',
      false: 'a message without a LID teaches nothing: of its identity only the lead counts',
      'row.lid !== former?.lid':
        'a message without a LID teaches nothing: of its identity only the lead counts',
      'former.lid': 'a lead is found by its claim alone'
    }
  ),
  ...of('central-hub/store/write/resolve-identities.ts', 'if (me === undefined) return', {
    false: 'only a notice of somebody who is known is settled'
  }),
  ...of(
    'central-hub/store/write/resolve-identities.ts',
    'if (me?.merged_id === undefined) return',
    {
      'me.merged_id': 'it is asked of a LID that somebody has'
    }
  ),
  ...of(
    'central-hub/store/write/resolve-identities.ts',
    'const [kept, gone] = a < b ? [a, b] : [b, a]',
    {
      'a <= b': 'no lead is merged with itself'
    }
  ),
  ...of(
    'central-hub/store/write/resolve-identities.ts',
    'if (first === undefined || second === undefined) throw new Error(`there are no leads ${kept} and ${gone} to merge`)',
    {
      false: 'both leads are there',
      'first === undefined && second === undefined': 'both leads are there',
      '``': 'both leads are there'
    }
  ),
  ...of('central-hub/store/write/resolve-identities.ts', 'this.resolved.made.delete(gone)', {
    ';': 'nobody is told of a lead that is gone, new or not'
  }),
  ...of(
    'central-hub/store/write/resolve-identities.ts',
    "return (lid === null ? claims.where('lead_id', '=', lead_id) : claims).execute()",
    {
      true: 'what a LID was seen with is all of one lead'
    }
  ),
  ...of('central-hub/store/write/resolve-identities.ts', 'name: name ?? null', {
    'name && null': 'the message that is taken then has the name, too'
  }),
  ...of('central-hub/store/write/resolve-identities.ts', 'this.resolved.changed.add(row.id)', {
    ';': 'what calls it adds the lead, too'
  }),
  ...of(
    'central-hub/store/write/resolve-identities.ts',
    '...(holder === undefined ? [] : [holder.lead_id])',
    {
      '["Stryker was here"]': 'no message of SQLite has a text for its lead'
    }
  ),
  ...of('central-hub/store/write/resolve-identities.ts', 'if (leads.length === 0) return', {
    false: 'SQLite takes an empty list; PostgreSQL does not'
  }),
  ...of(
    'central-hub/store/write/resolve-identities.ts',
    'return message.name === undefined ? [row] : [{ ...row, name: message.name }]',
    {
      true: 'a lead that is made gets the latest name of its messages, too',
      false: 'a lead that is made gets the latest name of its messages, too',
      'message.name !== undefined': 'a lead that is made gets the latest name of its messages, too'
    }
  ),
  ...of(
    'central-hub/store/write/resolve-identities.ts',
    'first_seen: first?.timestamp ?? last.timestamp',
    {
      'first.timestamp': 'where there is a last message there is a first one'
    }
  ),
  ...of(
    'central-hub/store/write/resolve-identities.ts',
    'if (from.phone !== undefined && to.phone !== undefined) await resolution.phoneChange(from.phone, to.phone, timestamp)',
    {
      'from.phone !== undefined || to.phone !== undefined':
        'a notice is resolved only when both its addresses are of one kind',
      true: 'a notice is resolved only when both its addresses are of one kind'
    }
  ),
  ...of(
    'central-hub/store/write/resolve-identities.ts',
    'else if (from.lid !== undefined && to.lid !== undefined) await resolution.lidChange(from.lid, to.lid)',
    {
      'from.lid !== undefined || to.lid !== undefined':
        'a notice is resolved only when both its addresses are of one kind',
      true: 'a notice is resolved only when both its addresses are of one kind'
    }
  ),
  ...of(
    'central-hub/store/write/resolve-identities.ts',
    'else if (phone !== undefined && lid !== undefined) await resolution.pair(phone, lid, message)',
    {
      'phone !== undefined || lid !== undefined':
        'any other message is resolved only when it has a number and a LID',
      true: 'any other message is resolved only when it has a number and a LID'
    }
  ),
  ...of('central-hub/store/write/write-lead.ts', 'next.imported_name !== row.imported_name', {
    false: 'an imported name comes with a number that is new, and is written with it'
  }),
  ...of('central-hub/store/write/write-lead.ts', 'waits: false,', {
    true: 'it is worked out before it is written'
  }),
  ...of('central-hub/store/write/write-lead.ts', 'changed: false,', {
    true: 'a new lead is written and told anyway'
  }),
  ...of(
    'central-hub/store/write/write-lead.ts',
    'const flags = { isNew: false, waits: false, learnt: false, isDetailChanged: false, isSilent }',
    { true: 'it is worked out before it is written' }
  ),
  ...of(
    'central-hub/store/write/write-lead.ts',
    'identities.add({ lead, row: lead.row, merged_id: undefined, isChanged: false })',
    {
      true: 'only what is kept in merged_identities is written by it'
    }
  ),
  ...of(
    'central-hub/store/write/write-lead.ts',
    'if (lead !== undefined) this.#identities.add({ lead, row, merged_id: id, isChanged: false })',
    { true: 'its lead was read, too; what is as it was is written once more, as it was' }
  ),
  ...of(
    'central-hub/store/write/write-lead.ts',
    "where('leads.account', '=', keys[0]?.account ?? '')",
    {
      "keys[0]?.account && ''": 'the statement is run with its own values',
      '"Stryker was here!"': 'the statement is run with its own values',
      'keys[0].account': 'a list that is read has an item'
    }
  ),
  ...of(
    'central-hub/store/write/write-lead.ts',
    "by === 'id' ? sql`leads.id` : sql`${sql.ref(`leads.${by}`)}`, 'in', keys.map(({ key }) => key)",
    {
      '() => undefined': 'the statement is run with its own values',
      false: 'leads.id is the column of that name, too'
    }
  ),
  ...of(
    'central-hub/store/write/write-lead.ts',
    "(keys) => [keys[0]?.account, ...keys.map(({ key }) => (by === 'id' ? Number(key) : key))]",
    {
      'keys[0].account': 'a list that is read has an item',
      false: 'a text of digits is compared as the number that it is'
    }
  ),
  ...of('central-hub/store/write/write-lead.ts', "where('account', '=', keys[0]?.account ?? '')", {
    "keys[0]?.account && ''": 'the statement is run with its own values',
    '"Stryker was here!"': 'the statement is run with its own values',
    'keys[0].account': 'a list that is read has an item'
  }),
  ...of('central-hub/store/write/write-lead.ts', "where(by, 'in', keys.map(({ key }) => key))", {
    '() => undefined': 'the statement is run with its own values'
  }),
  ...of(
    'central-hub/store/write/write-lead.ts',
    '(keys) => [keys[0]?.account, ...keys.map(({ key }) => key)]',
    {
      'keys[0].account': 'a list that is read has an item'
    }
  ),
  ...of(
    'central-hub/store/write/write-lead.ts',
    "state: 'new' as const, note: '', first_seen, last_seen, waiting_since, updated_at, unanswered_count",
    {
      '"Stryker was here!"':
        'the row is there: of these values only those that messages change are written'
    }
  ),
  ...of('central-hub/store/write/write-lead.ts', 'if (phone !== null) this.phones.delete(phone)', {
    true: 'only saves time: who is found is not looked for once more',
    false: 'only saves time: who is found is not looked for once more',
    'phone === null': 'only saves time: who is found is not looked for once more',
    ';': 'only saves time: who is found is not looked for once more'
  }),
  ...of('central-hub/store/write/write-lead.ts', 'if (lid !== null) this.lids.delete(lid)', {
    true: 'only saves time: who is found is not looked for once more',
    false: 'only saves time: who is found is not looked for once more',
    'lid === null': 'only saves time: who is found is not looked for once more',
    ';': 'only saves time: who is found is not looked for once more'
  }),
  ...of('central-hub/store/write/write-lead.ts', 'for (const { phone, lid } of rows) {', {
    '{}': 'only saves time: who is found is not looked for once more'
  }),
  ...of('central-hub/store/write/write-lead.ts', 'for (const { id } of rows) ids.delete(id)', {
    ';': 'only saves time: who is found is not looked for once more'
  }),
  ...of('central-hub/store/write/write-lead.ts', "`${phone ?? ''} ${lid ?? ''}`", {
    '"Stryker was here!"': 'it is asked only whether two are the same'
  }),
  ...of('central-hub/store/write/write-lead.ts', 'if (lead !== undefined) lead.row.id = row.id', {
    true: 'each row that is inserted is of a lead'
  }),
  ...of(
    'central-hub/store/write/write-lead.ts',
    'for (const { row, merged_id } of leads.flatMap(({ identities }) => identities).filter(({ isChanged }) => isChanged)) {',
    {
      'leads.flatMap(({ identities }) => identities)':
        'what is as it was is written once more, as it was'
    }
  ),
  ...of(
    'central-hub/store/write/write-lead.ts',
    'of leads.filter(({ isNew, isDetailChanged }) => isDetailChanged && !isNew)) {',
    {
      leads: 'what is as it was is written once more, as it was',
      true: 'what is as it was is written once more, as it was',
      'isDetailChanged || !isNew': 'what is as it was is written once more, as it was'
    }
  ),
  ...of(
    'central-hub/store/write/write-lead.ts',
    'leads.filter(({ waits }) => !waits).map(({ row }) => row)',
    {
      leads: 'what is as it was is written once more, as it was'
    }
  ),
  ...of(
    'central-hub/store/write/write-lead.ts',
    'leads.filter(({ waits }) => waits).map(({ row }) => row)',
    {
      leads: 'what is as it was is written once more, as it was'
    }
  ),
  ...of(
    'central-hub/api/imports.ts',
    "const [essence = '', ...parameters] = (req.headers['content-type'] ?? '').split(';')",
    {
      '"Stryker was here!"': 'no type has this name'
    }
  ),
  ...of('central-hub/api/imports.ts', 'if (charset === undefined) return { type }', {
    false: 'without a name a decoder is one of UTF-8'
  }),
  ...of(
    'central-hub/api/imports.ts',
    'for (let start = 0; start < last.length; start += batchSize) {',
    {
      'start <= last.length': 'an empty rest is no work'
    }
  ),
  ...of(
    'central-hub/store/write/resolve-identities.ts',
    'if (now !== undefined) await writeIdentity(this.#db, { ...now, phone, phone_at: now.lid === null ? 0 : at })',
    {
      true: 'one of the two goes on with the number, or with the LID'
    }
  ),
  ...of('central-hub/store/write/write-lead.ts', 'readonly #updateSeen = updating(false)', {
    true: 'what is as it was is written once more, as it was'
  }),
  ...of(
    'central-hub/store/write/write-lead.ts',
    'new Set(people.flatMap(({ phone }) => phone ?? []))',
    {
      '["Stryker was here"]': 'nobody has such a number'
    }
  ),
  ...of(
    'central-hub/store/write/write-lead.ts',
    'new Set(people.flatMap(({ lid }) => lid ?? []))',
    {
      '["Stryker was here"]': 'nobody has such a LID'
    }
  ),
  ...of('central-hub/store/write/waiting.ts', 'if (whole) {', {
    true: 'only saves time: counting all gives the same'
  }),
  ...of(
    'central-hub/store/write/waiting.ts',
    'const unanswered = added.filter((message) => message.turn === 1 && (line === undefined || isAfter(message, line)))',
    {
      '() => undefined': 'only saves time: then all is counted',
      false: 'only saves time: then all is counted',
      true: 'what ends a wait is never after the latest message that does',
      'message.turn !== 1': 'only saves time: then all is counted'
    }
  ),
  ...of(
    'central-hub/store/write/waiting.ts',
    'const isPlain = !albums && unanswered.length === added.length && mayWait(state) && handled_at === null',
    {
      false: 'only saves time: then all is counted'
    }
  ),
  ...of(
    'central-hub/store/write/waiting.ts',
    'if (isPlain) return addUnanswered(db, leadId, unanswered)',
    {
      false: 'only saves time: then all is counted'
    }
  ),
  ...of(
    'central-hub/store/write/waiting.ts',
    'if (added.length > 0) await writeAnswers(db, leadId, Math.min(...added.map(({ timestamp }) => timestamp)))',
    {
      true: 'there are no replies from the end of time on',
      'added.length >= 0': 'there are no replies from the end of time on'
    }
  ),
  ...of('central-hub/store/write/waiting.ts', 'if (pks.length === 0) return []', {
    false: 'it is called for leads with new messages of persons only',
    '["Stryker was here"]': 'it is called for leads with new messages of persons only'
  }),
  ...of(
    'central-hub/store/write/waiting.ts',
    "export const followWait = (wait: KeptWait, fresh: readonly FreshMessage[]): { wait: KeptWait; answers: Insertable<Database['answers']>[] } | undefined => {",
    {
      '{}': 'only saves time: then the messages are read'
    }
  ),
  ...of('central-hub/store/write/waiting.ts', 'if (inAlbum && turn === 1) return undefined', {
    true: 'only saves time: then the messages are read',
    'inAlbum || turn === 1': 'only saves time: then the messages are read'
  }),
  ...of(
    'central-hub/store/write/waiting.ts',
    'if (turn > 0 && (!mayWait(now.state) || isMarked)) return undefined',
    {
      true: 'only saves time: then the messages are read',
      'turn > 0 || !mayWait(now.state) || isMarked': 'only saves time: then the messages are read',
      'turn >= 0': 'only saves time: then the messages are read'
    }
  ),
  ...of(
    'central-hub/store/write/waiting.ts',
    'const last = now.last_timestamp === null || now.last_seq === null ? undefined : { timestamp: now.last_timestamp, seq: now.last_seq }',
    {
      false: 'a lead without a message has neither, and every time is after null',
      'now.last_timestamp === null && now.last_seq === null': 'a lead without a message has neither'
    }
  ),
  ...of(
    'contract/waiting.ts',
    "const normalize = (text: string): string => text.replace(/\\s+/g, ' ').trim().toLowerCase()",
    {
      "text.replace(/\\s+/g, ' ').trim().toUpperCase()":
        'both texts are brought to one case before they are compared, whichever it is'
    }
  ),
  ...of(
    'contract/waiting.ts',
    'return ({ from_me, body }) => from_me && wanted.length > 0 && wanted.some((text) => normalize(body).startsWith(text))',
    {
      true: 'only saves time: a message begins with none of no texts',
      'wanted.length >= 0': 'only saves time: a message begins with none of no texts'
    }
  ),
  ...of('central-hub/webhooks/guard.ts', "if (address.kind() === 'ipv4') return undefined", {
    false: 'only saves time: an IPv4 address is in no range of IPv6, and comes out the same',
    '""': 'only saves time: an IPv4 address is in no range of IPv6, and comes out the same'
  }),
  ...of(
    'central-hub/webhooks/guard.ts',
    "const hostOf = ({ hostname }: URL): string => hostname.replace(/^\\[(.*)\\]$/, '$1')",
    {
      '/\\[(.*)\\]$/': 'the host of a URL has brackets around the whole of an IPv6 address or none',
      '/^\\[(.*)\\]/': 'the host of a URL has brackets around the whole of an IPv6 address or none'
    }
  ),
  ...of(
    'session-manager/whatsapp/guard.ts',
    'const lost = armed.filter(({ holder, verb, ours }) => holder[verb] !== ours).length',
    {
      '() => undefined':
        'a second look at what JavaScript already guarantees: nothing can change a property that is not configurable',
      false:
        'a second look at what JavaScript already guarantees: nothing can change a property that is not configurable'
    }
  ),
  ...of(
    'session-manager/whatsapp/guard.ts',
    "const look: GuardLook = { blocked, armed: armed.length - lost, open: stuck.size + lost, seesModules: hook?.sees() === 'define' }",
    {
      'armed.length + lost': 'lost is 0, see above',
      'stuck.size - lost': 'lost is 0, see above'
    }
  ),
  ...of('session-manager/whatsapp/guard.ts', "if (typeof value !== 'function') return false", {
    true: 'what is no function is not replaced, whether it counts as a class or not'
  }),
  ...of(
    'session-manager/whatsapp/guard.ts',
    'if (wire() === undefined || wire()?.isArmed() === true) return wire() !== undefined',
    {
      'wire().isArmed': 'it is asked only where there is a wire guard'
    }
  ),
  ...of('session-manager/whatsapp/guard.ts', 'return wire()?.isArmed() === true', {
    'wire().isArmed': 'it is reached only where there is a wire guard'
  }),
  ...of(
    'session-manager/whatsapp/guard.ts',
    ";(scope['require'] as AnyFunction | undefined)?.('WAWap')",
    {
      "(scope['require'] as AnyFunction | undefined)('WAWap')": 'the error is caught right there'
    }
  ),
  ...of(
    'session-manager/whatsapp/guard.ts',
    ";(scope['require'] as AnyFunction | undefined)?.(name)",
    {
      "(scope['require'] as AnyFunction | undefined)(name)": 'the error is caught right there'
    }
  ),
  ...of('session-manager/whatsapp/guard.ts', 'const verbs = modules[name] ?? []', {
    '["Stryker was here"]': 'no module has a function of this name'
  }),
  ...of(
    'session-manager/whatsapp/guard.ts',
    "const kept = new Set(verbs.filter((verb) => verb.startsWith('!')).map((verb) => verb.slice(1)))",
    {
      verbs: 'names without their first letter are names of no function',
      '""': 'names without their first letter are names of no function'
    }
  ),
  ...of(
    'session-manager/whatsapp/guard.ts',
    'const holder = path.reduce<unknown>((object, key) => (object as Holder | undefined)?.[key], exported)',
    {
      '(object as Holder | undefined)[key]': 'no path of the table has more than one step'
    }
  ),
  ...of(
    'session-manager/whatsapp/guard.ts',
    'for (const verb of stanzaFunctions[name] ?? []) replace(exported as Holder, verb, `${name}.${verb}`, true)',
    {
      '["Stryker was here"]': 'no module has a function of this name'
    }
  ),
  ...of(
    'session-manager/whatsapp/guard.ts',
    'return first === undefined ? look : { ...look, wire: first }',
    {
      false: 'the look crosses from the page as JSON, which has no undefined'
    }
  ),
  ...of(
    'central-hub/follow/follower.ts',
    "`(${error?.instancePath || '/'} ${error?.message ?? ''}): ` +",
    {
      '"Stryker was here!"':
        'a record that does not conform has at least one error, with a message',
      'error.instancePath': 'a record that does not conform has at least one error',
      'error.message': 'a record that does not conform has at least one error'
    }
  ),
  ...of('central-hub/follow/follower.ts', 'const maxAhead = 512 * 1024', {
    '512 / 1024': 'how much is read ahead decides how large the groups are, not what is in them'
  }),
  ...of('central-hub/follow/follower.ts', '#records: JournalRecord[] = []', {
    '["Stryker was here"]': 'what has no seq is not after the cursor, and is left out'
  }),
  ...of(
    'central-hub/follow/follower.ts',
    'if (openedAt !== undefined && performance.now() - openedAt > goodAfterMs) this.#failures = 0',
    { true: 'a stream that was not opened has lasted for no number of ms' }
  ),
  ...of('central-hub/follow/follower.ts', 'silence.stop()', {
    ';': 'at the end of a stream: what the timer would cut off is cut off already'
  }),
  ...of('central-hub/follow/ingest.ts', 'if (!/\\\\u(?:d[89a-f]|0000)/.test(text)) return record', {
    false: 'only saves time: text without such characters comes out as it went in'
  }),
  ...of(
    'central-hub/follow/ingest.ts',
    'onConversed === undefined ? [] : await readConversed(trx, [...taken.newMessages])',
    {
      false: 'only saves time: nobody is given what is read',
      '["Stryker was here"]': 'nobody is given it'
    }
  ),
  ...of(
    'central-hub/follow/ingest.ts',
    'isChanged: taken.messages.size + taken.leads.size + taken.removed.length > 0,',
    {
      'taken.messages.size + taken.leads.size - taken.removed.length':
        'each lead that is removed was joined with one that is among the leads, by a message'
    }
  ),
  ...of(
    'central-hub/follow/ingest.ts',
    'if (timestamp === message.timestamp && !isMarked) return record',
    {
      false: 'only saves time: a record with the time that it has already is the same'
    }
  ),
  ...of(
    'central-hub/store/write/apply-records.ts',
    "const mayAsk = turnOf(message) === 1 && message.type !== 'call_log'",
    { false: 'only saves time: counting all gives the same' }
  ),
  ...of('central-hub/store/write/apply-records.ts', "if (kind !== 'update') return false", {
    false: 'only saves time: counting all gives the same'
  }),
  ...of(
    'central-hub/store/write/apply-records.ts',
    'return pending.inAlbum || pending.lead !== undefined || isMoved || !mayAsk',
    { true: 'only saves time: counting all gives the same' }
  ),
  ...of(
    'central-hub/store/write/apply-records.ts',
    'const changedLeads = [...work.leads.all()].filter((lead) => lead.changed || work.newByLead.has(lead) || lead.identities.some(({ isChanged }) => isChanged))',
    {
      '[...work.leads.all()]': 'what is as it was is written once more, as it was',
      true: 'what is as it was is written once more, as it was'
    }
  ),
  ...of(
    'central-hub/store/write/apply-records.ts',
    'await writeWaiting(db, id, { fresh: messages.map(({ row }) => row.pk), whole: false, albums: messages.some(({ inAlbum }) => inAlbum) })',
    { true: 'only saves time: counting all gives the same' }
  ),
  ...of(
    'central-hub/store/write/apply-records.ts',
    'for (const id of work.recount) await writeWaiting(db, id, { fresh: [], whole: true, albums: false })',
    {
      '["Stryker was here"]': 'where all is counted, it is not asked what is new',
      true: 'where all is counted, albums are'
    }
  ),
  ...of(
    'central-hub/store/write/apply-records.ts',
    'await adoptNotices(db, leads.filter(({ learnt }) => learnt).map(({ row }) => row))',
    { leads: 'only saves time: a lead that learnt nothing finds no notice' }
  ),
  ...of('central-hub/store/write/apply-records.ts', 'if (work.recount.has(lead.row.id)) continue', {
    false: 'only saves time: what is counted whole is written over'
  }),
  ...of(
    'central-hub/store/write/apply-records.ts',
    'if (followed === undefined) unclear.push([lead.row.id, messages])',
    { true: 'only saves time: counting all gives the same' }
  ),
  ...of(
    'central-hub/store/write/apply-records.ts',
    'lead.waits = followed.wait.waiting_since !== lead.row.waiting_since',
    {
      true: 'what is as it was is written once more, as it was'
    }
  ),
  ...of('central-hub/store/write/apply-records.ts', 'if (content?.personal !== 1) return []', {
    'content.personal': 'only of new messages, which have a content'
  }),
  ...of(
    'central-hub/store/write/apply-records.ts',
    'content?.from_me === 0 ? [{ pk: row.pk, stanza: stanzaOf(row.id) }] : []',
    {
      'content.from_me': 'only of new messages, which have a content',
      true: 'only saves time: of those that are asked for, replies are left out'
    }
  ),
  ...of(
    'central-hub/store/write/apply-records.ts',
    'await writeWaiting(db, id, { fresh: [], whole: true, albums: false })',
    {
      '["Stryker was here"]': 'where all is counted, it is not asked what is new',
      true: 'where all is counted, albums are'
    }
  ),
  ...of(
    'central-hub/store/write/apply-records.ts',
    "if (kind === 'message' || kind === 'revoke') return true",
    { true: 'only saves time: counting all gives the same' }
  ),
  ...of(
    'central-hub/store/write/apply-records.ts',
    'for (const { message, lead } of newMessages) if (message.lead !== undefined && message.lead !== lead) recount.add(message.lead.row.id)',
    {
      'message.lead !== undefined || message.lead !== lead':
        'only saves time: counting all gives the same',
      true: 'only saves time: counting all gives the same'
    }
  ),
  ...of(
    'central-hub/store/write/apply-records.ts',
    "if (!('row' in item) && item.message.from_me) recount(work, await acknowledge(db, pk))",
    { true: 'only saves time: what this account did not react to since is as it was' }
  ),
  ...of(
    'central-hub/store/write/apply-records.ts',
    "const messages = records.filter(({ kind }) => kind !== 'reaction' && kind !== 'vote').map(({ message }) => message)",
    {
      records: 'only saves time: messages and leads are read that nothing asks for',
      "kind !== 'reaction' || kind !== 'vote'":
        'only saves time: messages and leads are read that nothing asks for',
      '""': 'only saves time: messages and leads are read that nothing asks for',
      true: 'only saves time: messages and leads are read that nothing asks for'
    }
  ),
  ...of(
    'central-hub/store/write/apply-records.ts',
    'size = next === undefined ? records.length : batchAfterResolving',
    {
      true: 'only saves time: however many are taken at once, the outcome is the same',
      false: 'only saves time: however many are taken at once, the outcome is the same',
      'next !== undefined':
        'only saves time: however many are taken at once, the outcome is the same'
    }
  ),
  ...of('central-hub/store/write/apply-records.ts', 'taken.newLeads.delete(id)', {
    ';': 'whether it is new is asked only of a lead that is told of, and this one is taken out of those'
  }),
  ...of('central-hub/store/write/apply-records.ts', 'taken.newMessages.delete(pk)', {
    ';': 'whether it is new is asked only of a message that is told of or is still there'
  }),
  ...of(
    'central-hub/store/write/apply-records.ts',
    'const ofLeads = messages.filter((message) => hasLead(message) || message.number_change !== undefined)',
    {
      messages: 'only saves time: leads are read that nothing asks for',
      true: 'only saves time: leads are read that nothing asks for'
    }
  ),
  ...of('central-hub/store/write/apply-records.ts', 'if (isNew) newMessages.push(message)', {
    true: 'a message that comes twice is not after itself: then all is counted'
  }),
  ...of(
    'central-hub/webhooks/circuit.ts',
    'if (this.#failing.size < downAfter) this.#failing.add(queue)',
    {
      true: 'only bounds the memory',
      'this.#failing.size <= downAfter': 'only bounds the memory'
    }
  ),
  ...of('central-hub/webhooks/deliverer.ts', 'const name = `webhook ${delivery.webhookId}`', {
    '``': 'it is a part of the texts of log lines, which are words for people'
  }),
  ...of(
    'central-hub/webhooks/deliverer.ts',
    "async #failed(delivery: NextDelivery, { status, error = '', retryAfterMs }: Outcome): Promise<void> {",
    {
      '"Stryker was here!"': 'an outcome without an error is a delivery'
    }
  ),
  ...of(
    'session-manager/journal/erasure.ts',
    "covers(newRecord: NewRecord, source: InboundRecord['source'] = 'live'): boolean {",
    { '""': 'only whether something is read back is asked' }
  ),
  ...of(
    'session-manager/journal/erasure.ts',
    'for (const [address, at] of this.#erasedAt) if (performance.now() - at > heardForMs) this.#erasedAt.delete(address)',
    {
      ';': 'only bounds the memory: nothing that was heard waits for a day to be written',
      false: 'only bounds the memory: nothing that was heard waits for a day to be written',
      'performance.now() - at >= heardForMs':
        'only bounds the memory: nothing that was heard waits for a day to be written'
    }
  ),
  ...of('session-manager/journal/erasure.ts', "const { quoted_id = '', ...kept } = message", {
    '"Stryker was here!"': 'only messages with such an id are looked at'
  }),
  ...of(
    'session-manager/journal/erasure.ts',
    "if (!stanzas.has(parseMessageId(quoted_id)?.stanza ?? '')) continue",
    {
      '"Stryker was here!"': 'no message has a stanza like this'
    }
  ),
  ...of(
    'session-manager/journal/erasure.ts',
    "return `stanza:${parsed.fromMe}:${isAccount(parsed.chat) ? '' : parsed.chat}:${parsed.stanza}`",
    {
      '"Stryker was here!"': 'any text does that is the same for all persons and is no chat'
    }
  ),
  ...of(
    'session-manager/journal/erasure.ts',
    '[...new Set([chat_id, lid, author, from].flatMap((address) => (address === undefined ? [] : accountAddress(address))))]',
    {
      false: 'nobody was erased by an address that is not there',
      '["Stryker was here"]': 'nobody was erased by such an address'
    }
  ),
  ...of('session-manager/journal/erasure.ts', 'createMessageIndexes(db)', {
    ';': 'Identities, without which no Erasure is made, makes the same indexes'
  }),
  ...of(
    'session-manager/journal/erasure.ts',
    "this.#secret = Buffer.from(String(db.prepare('SELECT secret FROM erasure').get()?.['secret']), 'hex')",
    {
      "db.prepare('SELECT secret FROM erasure').get()['secret']":
        'the line above sees to it that there is a row'
    }
  ),
  ...of('session-manager/journal/erasure.ts', '#hasNothing(): boolean {', {
    '{}': 'only saves time: in an empty table nothing is found'
  }),
  ...of('session-manager/journal/adopted-erasures.ts', 'get isEmpty(): boolean {', {
    '{}': 'only saves time: in an empty table nothing is found'
  }),
  ...of('session-manager/journal/adopted-erasures.ts', 'return this.#secrets.length === 0', {
    false: 'only saves time: in an empty table nothing is found'
  }),
  ...of('session-manager/journal/adopted-erasures.ts', '#secrets: Buffer[] = []', {
    '["Stryker was here"]': 'they are read when it is made'
  }),
  ...of(
    'session-manager/journal/erasure.ts',
    "return this.#adopted.isEmpty && this.#db.prepare('SELECT 1 FROM erased LIMIT 1').get() === undefined",
    {
      false: 'only saves time: in an empty table nothing is found'
    }
  ),
  ...of('session-manager/journal/erasure.ts', 'if (this.#isEmpty) return false', {
    false: 'only saves time: in an empty table nothing is found'
  }),
  ...of(
    'session-manager/journal/erasure.ts',
    'if (heardAt !== undefined && this.#wasHeardBefore(message, heardAt)) return true',
    {
      true: 'what was heard at no time was not heard before any time'
    }
  ),
  ...of(
    'session-manager/journal/erasure.ts',
    'const values = [JSON.stringify(lists[at]), upTo, ...(at === 2 ? [JSON.stringify(lids)] : [])]',
    {
      false:
        'records with a LID of the person were found by that LID just before; those without one are found either way',
      '[]': 'records with a LID of the person were found by that LID just before; those without one are found either way'
    }
  ),
  ...of(
    'session-manager/journal/erasure.ts',
    "const secret = (db: DatabaseSync): unknown => db.prepare('SELECT secret FROM erasure').get()?.['secret']",
    {
      "db.prepare('SELECT secret FROM erasure').get()['secret']":
        'each journal was given its row when it was opened'
    }
  ),
  ...of(
    'session-manager/journal/erasure.ts',
    'return { last: Number(last), records: this.#makeTombstones(gone, now, true) }',
    { false: 'that it was asked for was taken over from the newer journal already' }
  ),
  ...of('session-manager/journal/erasure.ts', 'this.#setScrub(1)', {
    ';': 'it is due since the message that is quoted was erased, until the file is rewritten'
  }),
  ...of(
    'session-manager/journal/erasure.ts',
    "if (this.#db.prepare('SELECT scrub_due FROM erasure').get()?.['scrub_due'] !== 1) return",
    {
      "this.#db.prepare('SELECT scrub_due FROM erasure').get()['scrub_due']":
        'the journal was given its row when it was opened'
    }
  ),
  ...of(
    'session-manager/journal/erasure.ts',
    "const onRewritten = this.#rewriting(Number(this.#db.prepare(fileBytes).get()?.['bytes']))",
    { "this.#db.prepare(fileBytes).get()['bytes']": 'each file has a size' }
  ),
  ...of('session-manager/journal/erasure.ts', 'if (media.get() === undefined) return []', {
    false: 'only saves time: nothing is deleted of an empty table'
  }),
  ...of(
    'session-manager/journal/erasure.ts',
    'if (stanza === undefined || isAccount(chatId)) return',
    {
      false:
        'a chat of two was erased as a whole, with all that quotes; and no quoted id is without a stanza',
      'stanza === undefined && isAccount(chatId)':
        'a chat of two was erased as a whole, with all that quotes; and no quoted id is without a stanza'
    }
  ),
  ...of(
    'session-manager/journal/erasure.ts',
    'return records + this.#makeTombstones(this.#select(ofMessages, JSON.stringify(ids)), now, true)',
    { false: 'what is about a message is known as asked for by the id of that message' }
  ),
  ...of(
    'session-manager/journal/erasure.ts',
    'if (anywhere !== undefined && !isOfMany) this.#rememberErased(anywhere, asked)',
    { true: 'nothing is looked up by no id' }
  ),
  ...of(
    'session-manager/journal/erasure.ts',
    "return text !== undefined && Number(this.#isErased.get(this.#hash(text))?.['asked'] ?? -1) >= asked",
    {
      true: 'nothing was erased by no id'
    }
  ),
  ...of(
    'session-manager/journal/erasure.ts',
    'return addresses.some((address) => heardAt <= (this.#erasedAt.get(address) ?? -Infinity))',
    {
      'heardAt < (this.#erasedAt.get(address) ?? -Infinity)':
        'what is heard in the very microsecond of an erasure may count as before or after it'
    }
  ),
  ...of(
    'session-manager/journal/journal.ts',
    "this.#id = String(db.prepare('SELECT id FROM identity').get()?.['id'])",
    {
      "db.prepare('SELECT id FROM identity').get()['id']":
        'the constructor sees to it that there is a row'
    }
  ),
  ...of(
    'session-manager/journal/journal.ts',
    "db.prepare('SELECT coalesce(max(seq), 0) AS seq FROM records').get()?.['seq']",
    {
      "db.prepare('SELECT coalesce(max(seq), 0) AS seq FROM records').get()['seq']":
        'an aggregate has a row of any table, also of an empty one'
    }
  ),
  ...of(
    'session-manager/journal/journal.ts',
    "return Number(this.#statements.confirmed.get()?.['at'] ?? 0)",
    {
      "this.#statements.confirmed.get()['at']":
        'an aggregate has a row of any table, also of an empty one'
    }
  ),
  ...of(
    'session-manager/journal/journal.ts',
    "return row?.['at'] == null ? undefined : Number(row['at'])",
    {
      "row['at']": 'an aggregate has a row of any table, also of an empty one'
    }
  ),
  ...of(
    'session-manager/journal/journal.ts',
    "record !== undefined && newRecord.kind === 'message' && newRecord.isPartial !== true && goesOn(newRecord.message) &&",
    {
      true: 'an update has a key of its own and is always written; and what is no message comes here without a model'
    }
  ),
  ...of(
    'session-manager/journal/journal.ts',
    "if (before?.media === undefined && news.message.media?.state === 'pending') this.#media.add(news.message.id, seq)",
    { 'before.media': 'there are news only of a message that is known' }
  ),
  ...of(
    'session-manager/journal/journal.ts',
    "const newRecords = messages.map(({ message, source }) => ({ source, newRecord: { kind: 'update' as const, key: 'update', message } }))",
    { '""': 'each update is written under a key of its own, made of its seq' }
  ),
  ...of(
    'admin/doctor/base-url.ts',
    "const hostOf = (url: string): string => new URL(url).hostname.replace(/^\\[|\\]$/g, '')",
    {
      '/\\[|\\]$/g': 'the host of a URL has brackets around the whole of an IPv6 address or none',
      '/^\\[|\\]/g': 'the host of a URL has brackets around the whole of an IPv6 address or none'
    }
  ),
  ...of('admin/doctor/base-url.ts', 'if (!hub?.config) return []', {
    'hub.config': 'each installation has a hub'
  }),
  ...of('admin/doctor/base-url.ts', 'if (!hub?.config) return { findings: [], answered: [] }', {
    'hub.config': 'each installation has a hub'
  }),
  ...of(
    'admin/doctor/base-url.ts',
    "setVariable(edited(manager), 'ACCOUNT', manager.instance ?? 'further'),",
    { '""': 'each session-manager but the first has an instance' }
  ),
  ...of(
    'admin/doctor/confinement.ts',
    "const settingsOf = (text: string): [string, string][] => [...text.matchAll(/^[ \\t]*([A-Za-z]+)[ \\t]*=(.*)$/gm)].map(([, setting = '', value = '']) => [setting, value.trim()])",
    {
      '"Stryker was here!"': 'every match has a name and a value',
      '/^[ \\t]*([A-Za-z]+)[ \\t]*=(.*)/gm': 'the rest of a line reaches to its end'
    }
  ),
  ...of(
    'admin/doctor/confinement.ts',
    "const all = settingsOf((await host.readFile(path)) ?? '')",
    {
      '"Stryker was here!"': 'this text has no setting, as an empty one'
    }
  ),
  ...of(
    'admin/doctor/confinement.ts',
    "const unitFiles = ({ properties }: Service): string[] => [properties['FragmentPath'] ?? '', ...listed(properties['DropInPaths'])].filter(Boolean)",
    {
      "[properties['FragmentPath'] ?? '', ...listed(properties['DropInPaths'])]":
        'a unit that is loaded has a file',
      '"Stryker was here!"': 'a unit that is loaded has a file'
    }
  ),
  ...of('admin/doctor/confinement.ts', "const text = (await host.readFile(path)) ?? ''", {
    '"Stryker was here!"': 'this text has no setting, as an empty one'
  }),
  ...of(
    'admin/doctor/confinement.ts',
    "export const isOwn = (path: string, { unit }: Service): boolean => path.includes(`/${unit}.service.d/`) || path.includes(`/${unit.replace(/@.*$/, '@')}.service.d/`)",
    {
      '/@.*/': 'a name of a unit has no line ends'
    }
  ),
  ...of(
    'admin/doctor/confinement.ts',
    "const shown = ({ setting }: Rule, value: string): string => (setting === 'ExecStart' ? (/argv\\[\\]=([^;]*?) ;/.exec(value)?.[1] ?? value) : value).slice(0, 100)",
    {
      true: 'only a command has such a part'
    }
  ),
  ...of('admin/doctor/confinement.ts', "const [fragment = '', ...dropIns] = unitFiles(service)", {
    '"Stryker was here!"': 'a unit that is loaded has a file'
  }),
  ...of(
    'admin/doctor/confinement.ts',
    "const shipped = new Set(settingsOf((await host.readFile(fragment)) ?? '').map(([setting]) => setting))",
    {
      '"Stryker was here!"': 'this text has no setting, as an empty one'
    }
  ),
  ...of('admin/doctor/failure.ts', "result: properties['Result'] ?? '',", {
    '"Stryker was here!"': 'no result has this name, as none is empty'
  }),
  ...of(
    'admin/doctor/failure.ts',
    "const endedAt = Date.parse((service.properties['ExecMainExitTimestamp'] ?? '').replace(/^\\w+ /, '').replace(' ', 'T').replace(' UTC', 'Z'))",
    {
      '"Stryker was here!"':
        'no time is before one that is no date, and Date.parse finds the time in a text that has one',
      '/\\w+ /': 'the day of the week is the first word'
    }
  ),
  ...of('admin/doctor/failure.ts', "return parsed?.level === 'fatal' ? parsed.msg : undefined", {
    'parsed.level': 'what it throws is caught right there'
  }),
  ...of('admin/doctor/failure.ts', '} catch {', {
    '{}': 'a function gives undefined by itself'
  }),
  ...of(
    'admin/doctor/failure.ts',
    "const own = isOfSystemd(line, unit) ? line.slice(`${unit}.service: `.length) : ''",
    {
      '"Stryker was here!"': 'no line of systemd says this'
    }
  ),
  ...of(
    'admin/doctor/failure.ts',
    'const [, code, status] = /^Main process exited, code=(\\w+), status=(\\d+)/.exec(own) ?? []',
    {
      '/Main process exited, code=(\\w+), status=(\\d+)/':
        'systemd begins its line with these words',
      '["Stryker was here"]': 'the second of one is undefined, too'
    }
  ),
  ...of(
    'admin/doctor/failure.ts',
    "const [, result] = /^Failed with result '([\\w-]+)'/.exec(own) ?? []",
    {
      "/Failed with result '([\\w-]+)'/": 'systemd begins its line with these words',
      '["Stryker was here"]': 'the second of one is undefined, too'
    }
  ),
  ...of(
    'admin/doctor/failure.ts',
    'if (/^(Failed|Unable) (?!with result|to kill|at step)/.test(own)) ended.words = own',
    {
      '/(Failed|Unable) (?!with result|to kill|at step)/':
        'systemd begins its line with these words'
    }
  ),
  ...of(
    'admin/doctor/failure.ts',
    "const isBrokenRelease = ({ status, isSignal, words = '' }: Ended): boolean =>",
    {
      '"Stryker was here!"': 'these words say nothing of a release'
    }
  ),
  ...of(
    'admin/doctor/failure.ts',
    '(!isSignal && status !== undefined && [200, 203, 216, 217, 226].includes(status)) || /Cannot find (module|package)|ERR_MODULE_NOT_FOUND|SyntaxError|ERR_DLOPEN_FAILED/.test(words)',
    {
      true: 'undefined is none of these'
    }
  ),
  ...of(
    'admin/doctor/failure.ts',
    "(properties['DropInPaths'] ?? '').split(' ').filter((path) => path.includes(`/${unit.replace(/@.*$/, '@')}`) && !path.includes('/leadmaster-.service.d/'))",
    {
      '"Stryker was here!"': 'this is no drop-in of a unit',
      '/@.*/': 'a name of a unit has no line ends'
    }
  ),
  ...of(
    'admin/installation/processes.ts',
    "return /^--env-file(?:-if-exists)?$/.test(arg) ? [resolve(cwd, options[at + 1] ?? '')] : []",
    {
      '"Stryker was here!"': 'the script comes after each option'
    }
  ),
  ...of(
    'admin/installation/processes.ts',
    "Number(/^Uid:\\s+(\\d+)/m.exec((await host.readFile(`/proc/${pid}/status`)) ?? '')?.[1] ?? NaN)",
    {
      '"Stryker was here!"': 'this text names no user, as an empty one',
      '/Uid:\\s+(\\d+)/m': 'Linux begins one line so, with one tab after it',
      '/^Uid:\\s(\\d+)/m': 'Linux begins one line so, with one tab after it'
    }
  ),
  ...of('admin/installation/processes.ts', "const [ip = '', port = ''] = hex.split(':')", {
    '"Stryker was here!"': 'an address of these tables has both'
  }),
  ...of('admin/installation/processes.ts', 'const words = ip.match(/.{8}/g) ?? []', {
    '["Stryker was here"]': 'an address of these tables has eight digits or more'
  }),
  ...of(
    'admin/installation/processes.ts',
    'const bytes = words.flatMap((part) => (part.match(/../g) ?? []).map((byte) => parseInt(byte, 16)).reverse())',
    {
      '["Stryker was here"]': 'each part has eight digits'
    }
  ),
  ...of(
    'admin/installation/processes.ts',
    "const scriptOf = async (host: Host, pid: number, [program = '', ...args]: readonly string[]): Promise<string | undefined> => {",
    {
      '"Stryker was here!"': 'no program of Node has this name, as none is empty'
    }
  ),
  ...of(
    'admin/installation/processes.ts',
    "if (!isNode(program) && !isNode((await host.readlink(`/proc/${pid}/exe`)) ?? '')) return undefined",
    {
      '"Stryker was here!"': 'no program of Node has this name, as none is empty'
    }
  ),
  ...of(
    'admin/installation/processes.ts',
    "for (const path of await envFilesOf(host, pid)) Object.assign(variables, parseEnv((await host.readFile(path)) ?? ''))",
    {
      '"Stryker was here!"': 'this text has no variable, as an empty one'
    }
  ),
  ...of(
    'admin/installation/processes.ts',
    "const options = args.slice(0, args.indexOf(scriptAmong(args.slice(1)) ?? '') + 1)",
    {
      '"Stryker was here!"': 'no argument is like this'
    }
  ),
  ...of(
    'admin/installation/processes.ts',
    'const [, inline] = /^--env-file(?:-if-exists)?=(.+)$/.exec(arg) ?? []',
    {
      '/^--env-file(?:-if-exists)?=(.+)/': 'the rest of an argument reaches to its end',
      '["Stryker was here"]': 'the second of one is undefined, too'
    }
  ),
  ...of(
    'admin/installation/processes.ts',
    "const boot = /^btime (\\d+)$/m.exec((await host.readFile('/proc/stat')) ?? '')?.[1]",
    {
      '/btime (\\d+)$/m': 'Linux begins one line so, with nothing but the number after it',
      '/^btime (\\d+)/m': 'Linux begins one line so, with nothing but the number after it',
      '"Stryker was here!"': 'Linux begins one line so, with nothing but the number after it'
    }
  ),
  ...of(
    'admin/installation/processes.ts',
    "const ticks = /^.*\\) (?:\\S+ ){19}(\\d+)/s.exec((await host.readFile(`/proc/${pid}/stat`)) ?? '')?.[1]",
    {
      '/.*\\) (?:\\S+ ){19}(\\d+)/s': 'it begins as early as it can',
      '"Stryker was here!"': 'this text has no number, as an empty one'
    }
  ),
  ...of(
    'admin/installation/processes.ts',
    "const pids = async (host: Host): Promise<number[]> => (await host.readdir('/proc')).filter((entry) => /^\\d+$/.test(entry)).map(Number)",
    {
      "await host.readdir('/proc')": 'what is no process has no command line and nothing open',
      '/\\d+$/': 'what is no process has no command line and nothing open',
      '/^\\d+/': 'what is no process has no command line and nothing open'
    }
  ),
  ...of('admin/installation/processes.ts', "(table ?? '').split('\\n').flatMap((line) => {", {
    '"Stryker was here!"': 'this line has no state'
  }),
  ...of(
    'admin/installation/processes.ts',
    "const [, local = '', , state, , , , uid = '', , inode = ''] = line.trim().split(/\\s+/)",
    {
      '"Stryker was here!"': 'a line with this state has them all'
    }
  ),
  ...of(
    'admin/installation/processes.ts',
    "const unit = /\\/([^/\\n]+\\.service)$/m.exec((await host.readFile(`/proc/${pid}/cgroup`)) ?? '')?.[1]",
    {
      '"Stryker was here!"': 'this text names no unit, as an empty one'
    }
  ),
  ...of(
    'admin/doctor/running.ts',
    'return started !== undefined && changed !== undefined && changed > started + 1_000',
    {
      true: 'no time is after one that is not known',
      'started !== undefined || changed !== undefined': 'no time is after one that is not known'
    }
  ),
  ...of(
    'admin/doctor/following.ts',
    "const takenSeq = (check: Check | undefined): number => Number(/record (\\d+) of/.exec(check?.detail ?? '')?.[1] ?? NaN)",
    { '"Stryker was here!"': 'a text that names no record, as none does' }
  ),
  ...of(
    'admin/doctor/following.ts',
    'if (!hub?.config || hub.pid === undefined || cause(hub.name)) return []',
    {
      'hub.config': 'there is always a hub among the services'
    }
  ),
  ...of(
    'admin/doctor/following.ts',
    "if (linked && manager.config !== undefined && manager.config.PROFILE_BACKUP === '') {",
    {
      true: 'it is called for a session-manager whose file is accepted'
    }
  ),
  ...of(
    'admin/doctor/ports.ts',
    "const own = service.config === undefined ? '' : urlOf(service.config.HOST, service.config.PORT)",
    {
      '"Stryker was here!"': 'only services whose file is accepted are moved',
      false: 'only services whose file is accepted are moved'
    }
  ),
  ...of(
    'admin/doctor/ports.ts',
    'const followed = service === managers(installation)[0] && hub?.config?.SESSION_MANAGER_BASE_URL === own',
    { 'hub.config': 'there is always a hub among the services' }
  ),
  ...of(
    'admin/doctor/ports.ts',
    "if (followed) steps.push(setVariable(edited(hub), 'SESSION_MANAGER_BASE_URL', urlOf(service.config?.HOST ?? '127.0.0.1', port)))",
    {
      '""': 'only services whose file is accepted are moved',
      'service.config.HOST': 'only services whose file is accepted are moved'
    }
  ),
  ...of('admin/doctor/units.ts', "const [load = '', state = ''] = stdout.split('\\n')", {
    '"Stryker was here!"':
      'a state that is neither `masked` nor `disabled` is no fault, whatever its name'
  }),
  ...of(
    'admin/doctor/units.ts',
    "return parts.length === 0 ? undefined : parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (units[unit] ?? 0), 0)",
    {
      '"Stryker was here!"': 'every match has a unit'
    }
  ),
  ...of(
    'admin/doctor/units.ts',
    "const set = [...(properties['Environment'] ?? '').matchAll(/(?:^|\\s)[\"']?([A-Za-z_]\\w*)=/g)].map(([, variable = '']) => variable)",
    {
      '"Stryker was here!"':
        'every match has a name, and a text without an equals sign has no match'
    }
  ),
  ...of(
    'admin/doctor/units.ts',
    "const all = [...(properties['EnvironmentFiles'] ?? '').matchAll(/(\\S+) \\(ignore_errors=(yes|no)\\)/g)].map(([, path = '', ignored]) => ({ path, isOptional: ignored === 'yes' }))",
    {
      '"Stryker was here!"': 'every match has a path, and this text is none'
    }
  ),
  ...of(
    'admin/doctor/units.ts',
    "const variables = [...stdout.matchAll(/^([A-Za-z_]\\w*)=/gm)].map(([, variable = '']) => variable)",
    { '"Stryker was here!"': 'every match has a name' }
  ),
  ...of(
    'admin/doctor/units.ts',
    "if (installation.mode === 'systemd' && installation.services.some(({ properties }) => properties['LoadState'] === 'loaded')) findings.push(...(await checkTarget(host, installation)))",
    { true: 'in the foreground there are no units, so that none is loaded' }
  ),
  ...of(
    'admin/doctor/units.ts',
    "return service.kind === 'central-hub' && first ? [service, first] : [service]",
    { '[]': 'what is at fault with the service itself was asked before' }
  ),
  ...of(
    'admin/doctor/units.ts',
    "const waits = isDown && service.kind === 'central-hub' && first !== undefined && isStarting(first)",
    {
      true: 'there is always a session-manager among the services'
    }
  ),
  ...of(
    'admin/doctor/units.ts',
    'if (isDown && because) findings.push(skipped(found.at(-1)?.name ?? name, service.name, because))',
    {
      'found.at(-1).name': 'a service that is down has a finding that says so'
    }
  ),
  ...of(
    'admin/doctor/units.ts',
    "const at = Date.parse(shown.replace(/^\\w+ /, '').replace(' ', 'T').replace(' UTC', 'Z'))",
    {
      '/\\w+ /': 'the day of the week is the first word',
      '"Stryker was here!"': 'Date.parse finds the time in this text, too'
    }
  ),
  ...of(
    'admin/doctor/units.ts',
    "const is = (property: string): string => properties[property] ?? ''",
    {
      '"Stryker was here!"': 'no property has a fault with this value, as with none'
    }
  ),
  ...of(
    'admin/doctor/units.ts',
    "const texts = await Promise.all(files.map(async (file) => ((await host.readFile(file)) ?? '').split('\\n').some((line) => /^\\s*(Pass)?Environment=/.test(line) && new RegExp(`\\\\b${variable}\\\\b`).test(line))))",
    {
      '"Stryker was here!"': 'this text has no setting, as an empty one'
    }
  ),
  ...of(
    'admin/doctor/units.ts',
    'if (service.config && stopMs !== undefined && service.config.SHUTDOWN_TIMEOUT >= stopMs) {',
    {
      true: 'no number is at least undefined'
    }
  ),
  ...of(
    'admin/doctor/units.ts',
    "const words = (text: string | undefined): string[] => (text ?? '').split(/\\s+/).filter(Boolean)",
    {
      '/\\s/': 'the empty words between two blanks are left out'
    }
  ),
  ...of('admin/doctor/units.ts', 'if (path === envFile || own < 0) continue', {
    false: 'a file counts nothing instead of itself'
  }),
  ...of(
    'admin/doctor/units.ts',
    "const counts = Object.entries(readEnvFile(text).variables).filter(([variable, value]) => !isDropped(variable) && knows(service.kind, variable) !== 'foreign' && file.variables[variable] !== value && (at > own || !(variable in file.variables)))",
    {
      'at >= own': 'the own file is left out before'
    }
  ),
  ...of(
    'session-manager/journal/writer.ts',
    'error instanceof TypeError || error instanceof RangeError || contentCodes.has(Number((error as { errcode?: number } | undefined)?.errcode) & 0xff)',
    {
      '(error as { errcode?: number; } | undefined).errcode': 'nothing throws undefined'
    }
  ),
  ...of(
    'session-manager/journal/writer.ts',
    'if (lid === undefined || this.#phones.has(lid)) return',
    { false: 'it is called with LIDs only' }
  ),
  ...of(
    'session-manager/journal/writer.ts',
    'const nameless = newRecords.filter(({ message }) => message.lid !== undefined && message.phone === undefined)',
    { true: 'a message without a LID is given no number, because none is known for it' }
  ),
  ...of('session-manager/journal/writer.ts', 'if (phone !== undefined) message.phone = phone', {
    true: 'the record is JSON, which has no undefined'
  }),
  ...of(
    'session-manager/journal/writer.ts',
    "{ event: 'capture_refused', kind: newRecords[0]?.kind, error: name },",
    { 'newRecords[0].kind': 'there is one record' }
  ),
  ...of(
    'session-manager/journal/backfill.ts',
    'if (linkedAt !== undefined && now - linkedAt < historyMs) return (floor ?? linkedAt - firstLinkMs) - overlapMs',
    {
      true: 'without a link there is no time since it, and no number is less than another then'
    }
  ),
  ...of('session-manager/journal/backfill.ts', '#isRunWanted = false', {
    true: 'each start of a run sets it first'
  }),
  ...of('session-manager/journal/backfill.ts', '#finished: RunStart[] = []', {
    '["Stryker was here"]': 'the mark moves to no run that has no time'
  }),
  ...of('session-manager/journal/backfill.ts', 'this.#finished = []', {
    '["Stryker was here"]': 'the mark moves to no run that has no time'
  }),
  ...of(
    'session-manager/journal/backfill.ts',
    'this.#finished = [...this.#finished.slice(settledAt + 1), { at: run.at, onlineMs: run.onlineMs }]',
    { 'this.#finished': 'only bounds the memory: the mark moves to the last run that it may' }
  ),
  ...of('session-manager/journal/media-fetcher.ts', '#isWanted = false', {
    true: 'one look more, at nothing new'
  }),
  ...of('session-manager/journal/media-fetcher.ts', 'if (this.#isWanted) this.wake()', {
    false: 'a run goes on until nothing waits, and after an error a timer wakes it',
    ';': 'a run goes on until nothing waits, and after an error a timer wakes it'
  }),
  ...of(
    'session-manager/journal/media-fetcher.ts',
    'if (!this.#isClean) await removeIncoming(directory)',
    {
      true: 'between two runs of one process nothing is half written'
    }
  ),
  ...of('session-manager/journal/media-fetcher.ts', 'this.#isClean = true', {
    false: 'between two runs of one process nothing is half written'
  }),
  ...of(
    'session-manager/journal/media-fetcher.ts',
    'if ((this.#outage?.probeAt ?? 0) > now() + maxProbeMs && this.#outage !== undefined) this.#outage.probeAt = 0',
    {
      true: 'without an outage there is no time of a next try, and 0 is not after now',
      '(this.#outage?.probeAt ?? 0) >= now() + maxProbeMs': 'no more than a millisecond'
    }
  ),
  ...of('session-manager/journal/media-fetcher.ts', 'this.#fetchedBefore.delete(message.id)', {
    ';': 'only bounds the memory: what was fetched is not fetched again'
  }),
  ...of(
    'session-manager/journal/media-fetcher.ts',
    'const reason = whyNotKept(limits, { size, mimetype: mimetype ?? message.media?.mimetype })',
    {
      'message.media.mimetype': 'what waits to be fetched has media'
    }
  ),
  ...of(
    'session-manager/journal/media-fetcher.ts',
    'const sha256 = await storeMedia(directory, pieces, message.media?.sha256)',
    {
      'message.media.sha256': 'what waits to be fetched has media'
    }
  ),
  ...of(
    'session-manager/journal/media-fetcher.ts',
    'if (filename !== undefined) media.filename = filename',
    {
      true: 'the record is JSON, which has no undefined'
    }
  ),
  ...of('session-manager/journal/media-fetcher.ts', 'if (journal.hasErased(message)) {', {
    true: 'only saves time: media that a record refers to are not deleted'
  }),
  ...of(
    'session-manager/journal/media-fetcher.ts',
    'if (before !== undefined && this.#fetched > before) return true',
    {
      true: 'no count is more than one that is not there'
    }
  ),
  ...of(
    'session-manager/journal/media.ts',
    'const names = await readdir(directory).catch(() => [])',
    {
      '["Stryker was here"]': 'only files that are called incoming-….partial are removed'
    }
  ),
  ...of(
    'session-manager/journal/media.ts',
    'if (/^incoming-.*\\.partial$/.test(name)) await rm(join(directory, name), { force: true })',
    {
      '{}': 'nobody else removes the file between the list and this',
      false: 'nobody else removes the file between the list and this'
    }
  ),
  ...of(
    'session-manager/journal/media.ts',
    'for (let start = 0; start < sums.length; start += deletionBatch) {',
    { 'start <= sums.length': 'an empty rest is no work' }
  ),
  ...of(
    'session-manager/journal/media.ts',
    'const batch = sums.slice(start, start + deletionBatch)',
    { sums: 'only bounds how many are deleted together: what is gone is not counted a second time' }
  ),
  ...of(
    'session-manager/journal/media.ts',
    "journal.mediaDeleted(batch.filter((_, n) => outcomes[n]?.status === 'fulfilled'))",
    { 'outcomes[n].status': 'each sum has an outcome' }
  ),
  ...of(
    'central-hub/spreadsheet/phone-cell.ts',
    'const isValid = (number: string): boolean => parsePhoneNumberFromString(number)?.isValid() === true',
    {
      'parsePhoneNumberFromString(number).isValid':
        'it is asked of numbers that could be parsed before'
    }
  ),
  ...of(
    'session-manager/whatsapp/backfill.ts',
    'const [, name] = /^(\\w*(?:Error|Exception)):/.exec(error) ?? []',
    {
      '["Stryker was here"]': 'the first text of the list is not read'
    }
  ),
  ...of(
    'central-hub/spreadsheet/columns.ts',
    'if (name === undefined || faults.length > 0) return { faults }',
    {
      false: 'a table without a name has a fault that says so'
    }
  ),
  ...of('central-hub/spreadsheet/columns.ts', 'if (phone === undefined) return undefined', {
    false: 'the first row has a number'
  }),
  ...of(
    'central-hub/spreadsheet/csv-format.ts',
    "new Intl.NumberFormat(language).formatToParts(1.5).find(({ type }) => type === 'decimal')?.value ?? '.'",
    {
      "new Intl.NumberFormat(language).formatToParts(1.5).find(({ type }) => type === 'decimal').value":
        'every language has a decimal sign',
      '""': 'every language has a decimal sign'
    }
  ),
  ...of(
    'central-hub/spreadsheet/csv-reader.ts',
    "while (at < this.#text.length && this.#text[at] !== '\\n' && this.#text[at] !== '\\r') at += 1",
    {
      'at <= this.#text.length': 'nothing is behind the end of the text'
    }
  ),
  ...of(
    'central-hub/spreadsheet/csv-reader.ts',
    'if (at >= this.#text.length) return { at, line }',
    {
      false: 'nothing is behind the end of the text',
      'at > this.#text.length': 'nothing is behind the end of the text'
    }
  ),
  ...of(
    'central-hub/spreadsheet/table.ts',
    'const separatorLine = /^"?sep=([^\\r\\n])"?[;,\\t ]*(?:\\r\\n|\\r|\\n|$)/i',
    {
      '/^"?sep=([^\\r\\n])"?[;,\\t ]*(?:\\r\\n|\\r|\\n)/i':
        'a file of this line alone has no headings, whatever it is taken for'
    }
  ),
  ...of('central-hub/spreadsheet/table.ts', 'const first = rows[0] ?? []', {
    '["Stryker was here"]': 'no column has this heading'
  }),
  ...of(
    'central-hub/spreadsheet/table.ts',
    "const hasNumbers = (column: number): boolean => rows.slice(1).some((row) => isPhone(row[column] ?? ''))",
    {
      rows: 'a heading is no phone number',
      '"Stryker was here!"': 'this text is no phone number'
    }
  ),
  ...of(
    'central-hub/spreadsheet/table.ts',
    "rows.filter((row) => phones.some((phone) => isPhone(row[phone] ?? '')) && (row[name] ?? '').trim() !== '').length",
    {
      "phones.every(phone => isPhone(row[phone] ?? ''))":
        'without headings there is one column with numbers'
    }
  ),
  ...of(
    'central-hub/spreadsheet/table.ts',
    "return cells.length === width && phones.some((phone) => isPhone(cells[phone] ?? '')) && (cells[name] ?? '').trim() !== ''",
    {
      '"Stryker was here!"': 'a line of the width of the table has all its cells'
    }
  ),
  ...of(
    'central-hub/spreadsheet/table.ts',
    "return cells.length === width && columns.phones.every((phone) => (cells[phone] ?? '').trim() === '')",
    {
      '"Stryker was here!"': 'a line of the width of the table has all its cells'
    }
  ),
  ...of('central-hub/spreadsheet/table.ts', 'if (!/[\\r\\n]/.test(cell)) continue', {
    false: 'only saves time: a cell of one line has no second one',
    '/[^\\r\\n]/': 'only saves time: a cell of one line has no second one'
  }),
  ...of(
    'central-hub/spreadsheet/table.ts',
    "if (offset > 0 && isRow(line, layout, isPhone)) yield { line: (places[index]?.line ?? 1) + offset, code: 'line-in-quotes' }",
    {
      'places[index].line': 'each cell has a place'
    }
  ),
  ...of('central-hub/spreadsheet/table.ts', 'if (place === undefined) return []', {
    false: 'it is asked of columns that the record has',
    '["Stryker was here"]': 'it is asked of columns that the record has'
  }),
  ...of(
    'central-hub/spreadsheet/table.ts',
    "const last = next === undefined ? linesOf(cells[column] ?? '').at(-1) : reader.lineOf(next)",
    {
      '"Stryker was here!"': 'it is asked of columns that the record has'
    }
  ),
  ...of(
    'central-hub/spreadsheet/table.ts',
    "return [withoutQuotes(reader.lineOf(place), layout), withoutQuotes(last ?? '', layout)]",
    {
      '"Stryker was here!"': 'a cell has a last line'
    }
  ),
  ...of('central-hub/spreadsheet/table.ts', "const lines = linesOf(record.cells[column] ?? '')", {
    '"Stryker was here!"': 'it is asked of columns that the record has'
  }),
  ...of(
    'central-hub/spreadsheet/table.ts',
    "const possible = cells.length === width ? phones.map((phone) => cells[phone] ?? '') : cells",
    {
      '"Stryker was here!"': 'a line of the width of the table has all its cells'
    }
  ),
  ...of(
    'central-hub/spreadsheet/table.ts',
    "if (!/[\\r\\n]/.test(record.cells[column] ?? '')) return false",
    {
      '"Stryker was here!"': 'it is asked of columns that the record has'
    }
  ),
  ...of('central-hub/spreadsheet/table.ts', "const cell = cells[column] ?? ''", {
    '"Stryker was here!"': 'this text has no line break, as no text has none'
  }),
  ...of(
    'central-hub/spreadsheet/table.ts',
    "return { line: places[column]?.line ?? 1, code: 'name-line-break', column: column + 1 }",
    {
      'places[column].line': 'each cell has a place'
    }
  ),
  ...of(
    'central-hub/spreadsheet/table.ts',
    'const line = (record.places[phone] ?? record.places[0])?.line ?? 1',
    {
      '(record.places[phone] ?? record.places[0]).line': 'a record has a first cell'
    }
  ),
  ...of(
    'central-hub/spreadsheet/read-names.ts',
    'if (phone === undefined || faults.length > 0) return { faults }',
    {
      false: 'a line without a number has a fault that says so'
    }
  ),
  ...of(
    'central-hub/spreadsheet/read-names.ts',
    "const isLost = isNarrow && name.includes('?') && /^[?\\s]*$/.test(name)",
    {
      '""': 'a blank name is missing, which is told first'
    }
  ),
  ...of(
    'central-hub/spreadsheet/decode.ts',
    "const named = charset === undefined ? 'utf-8' : new TextDecoder(charset).encoding",
    {
      false: 'without a name a decoder is one of UTF-8'
    }
  ),
  ...of('central-hub/store/write/names.ts', "return new RegExp(`^${shape}$`, 'u').test(name)", {
    '""': 'a file of narrow letters has none of two halves'
  }),
  ...of('central-hub/store/write/names.ts', 'if (byKey.size === 0) return result', {
    false: 'SQLite takes an empty list; PostgreSQL does not'
  }),
  ...of(
    'central-hub/store/write/names.ts',
    'for (const lead of leads.get(phone_key) ?? []) if (await nameLead(db, lead, imported, at)) renamed.push(lead.id)',
    {
      '["Stryker was here"]': 'a text is no lead: it gets no name'
    }
  ),
  ...of(
    'central-hub/store/read/matched.ts',
    "const plain = character.normalize('NFD').replace(/\\p{M}/gu, '').toLowerCase()",
    {
      "character.normalize('NFD').replace(/\\p{M}/gu, '').toUpperCase()":
        'what is looked for and where it is looked for are folded alike'
    }
  ),
  ...of(
    'central-hub/store/read/matched.ts',
    "const byVisibility: readonly Matched['field'][] = ['note', 'assignee', 'tag', 'phone', 'name']",
    {
      '""': 'what is not in the list comes first, as the first of it does'
    }
  ),
  ...of(
    'central-hub/store/read/matched.ts',
    'const sought = [...(messageTerms(q)?.words ?? []), ...spacelessRuns(q)]',
    {
      'messageTerms(q).words': 'no message is found by what has no words',
      '["Stryker was here"]': 'no message is found by what has no words'
    }
  ),
  ...of(
    'central-hub/store/read/matched.ts',
    "{ q = '', country }: { q?: string; country?: CountryCode },",
    {
      '"Stryker was here!"': 'without words nothing is found that it could describe'
    }
  ),
  ...of('central-hub/store/read/matched.ts', 'const pks = found.flatMap(({ pk }) => pk ?? [])', {
    '["Stryker was here"]': 'no message of SQLite has a text for its number'
  }),
  ...of('central-hub/store/read/matched.ts', 'if (pks.length === 0) return new Map()', {
    false: 'SQLite takes an empty list; PostgreSQL does not'
  }),
  ...of(
    'central-hub/store/read/matched.ts',
    'const message = pk === null ? undefined : messages.get(pk)',
    {
      false: 'no message has null for its number'
    }
  ),
  ...of('central-hub/store/read/search.ts', 'if (fresh.length === 0) return new Set()', {
    false: 'SQLite takes an empty list; PostgreSQL does not'
  }),
  ...of('central-hub/store/read/search.ts', 'if (id === null || seen.has(id)) return []', {
    false: 'no lead has null for its id'
  }),
  ...of(
    'central-hub/store/read/search.ts',
    "if (named.length > limit) return { items: named.slice(0, limit), next: { order: 'found', key: 0, id: named[limit - 1]?.id ?? 0, since, whole } }",
    {
      'named[limit - 1].id': 'of more than the limit there is the last one within it'
    }
  ),
  ...of(
    'central-hub/store/database/search-terms.ts',
    "const digits = numberTerms(words.join(' '), country).map((each) => ({ digits: each }))",
    {
      '""': 'spaces in a number say nothing'
    }
  ),
  ...of(
    'central-hub/store/database/search-terms.ts',
    "if (numeric && wasNumeric && !word.startsWith('+')) groups.at(-1)?.push(word)",
    {
      'groups.at(-1).push': 'after a number there is the group that it is in'
    }
  ),
  ...of(
    'central-hub/store/database/terms.ts',
    "[...card.matchAll(new RegExp(`^(?:item\\\\d+\\\\.)?${field}(?:;[^:\\\\r\\\\n]*)?:(.*)$`, 'gim'))].map(([, value = '']) =>",
    {
      '"Stryker was here!"': 'what matches has a value, if an empty one'
    }
  ),
  ...of(
    'central-hub/store/database/terms.ts',
    '...(interactive?.choices ?? []).map(({ text }) => text),',
    {
      '["Stryker was here"]': 'a text has no text of its own'
    }
  ),
  ...of(
    'central-hub/store/database/terms.ts',
    '...(interactive?.cards ?? []).flatMap(({ title, body, choices = [] }) => [title, body, ...choices.map(({ text }) => text)])',
    {
      '["Stryker was here"]': 'a text has no title, body and text of its own'
    }
  ),
  ...of(
    'central-hub/store/database/terms.ts',
    'const shared = ({ location, event, group_invite, contacts = [], poll, media }: Parts): (string | undefined)[] => [',
    { '["Stryker was here"]': 'a text that is no card has no fields' }
  ),
  ...of(
    'central-hub/store/database/terms.ts',
    "carriers.every((part) => message[part] === undefined) ? '' : linesOf(message)",
    {
      '() => undefined': 'only saves time: of no part there are no lines',
      false: 'only saves time: of no part there are no lines',
      'message[part] !== undefined': 'only saves time, and no message has all of the parts'
    }
  ),
  ...of(
    'session-manager/whatsapp/content/interactive.ts',
    "...choice({ text: link?.['displayText'], url: link?.['url'] }),",
    {
      "link['displayText']": 'there is always an object',
      "link['url']": 'there is always an object'
    }
  ),
  ...of(
    'session-manager/whatsapp/content/interactive.ts',
    "...choice({ text: reply?.['displayText'], id: reply?.['id'] }),",
    {
      "reply['displayText']": 'there is always an object',
      "reply['id']": 'there is always an object'
    }
  ),
  ...of(
    'session-manager/whatsapp/content/interactive.ts',
    "...choice({ text: call?.['displayText'], phone: call?.['phoneNumber'] })",
    {
      "call['displayText']": 'there is always an object',
      "call['phoneNumber']": 'there is always an object'
    }
  ),
  ...of('session-manager/whatsapp/content/interactive.ts', 'default:', {
    'default:': 'a function that ends returns undefined, too'
  }),
  ...of(
    'session-manager/whatsapp/content/commerce.ts',
    'return number === undefined || !Number.isSafeInteger(Math.round(number)) ? undefined : Math.round(number)',
    {
      false: 'what is undefined rounds to no safe integer'
    }
  ),
  ...of(
    'session-manager/whatsapp/content/media.ts',
    "const bytes = Buffer.from(asText(value) ?? '', 'base64')",
    {
      '"Stryker was here!"': 'any text that is not of 32 bytes is no sum'
    }
  ),
  ...of('session-manager/whatsapp/content/media.ts', "const type = asText(raw['type']) ?? ''", {
    '"Stryker was here!"': 'a type that is not known counts like none'
  }),
  ...of(
    'session-manager/whatsapp/content/talk.ts',
    "const outcome = outcomes[(asText(raw[field]) ?? '').toLowerCase()]",
    {
      '"Stryker was here!"': 'no outcome has such a name'
    }
  ),
  ...of(
    'session-manager/whatsapp/content/talk.ts',
    "const subtype = asText(raw['subtype']) ?? ''",
    {
      '"Stryker was here!"': 'no subtype has such a name'
    }
  ),
  ...of(
    'session-manager/whatsapp/content/talk.ts',
    'return from === undefined || to === undefined ? undefined : { from, to }',
    {
      false: 'the second of the addresses is there only when the first one is'
    }
  ),
  ...of('session-manager/whatsapp/content/text.ts', "const type = asText(raw['type']) ?? ''", {
    '"Stryker was here!"': 'a type that is not known counts like none'
  }),
  ...of(
    'session-manager/whatsapp/content/talk.ts',
    "const remote = asId(asObject(raw['id'])['remote']) ?? asId(raw['from']) ?? ''",
    {
      '"Stryker was here!"': 'it is asked only whether it is a group'
    }
  )
]

/** @param replacements reasons by replacement */
function of(
  file: string,
  line: string,
  replacements: Readonly<Record<string, string>>
): WithoutEffect[] {
  return Object.entries(replacements).map(([replacement, reason]) => ({
    file,
    line,
    replacement,
    reason
  }))
}
