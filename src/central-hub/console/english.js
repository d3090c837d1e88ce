/** What the page says, in English. */

/** @param {number} n @param {string} one @param {string} many */
const count = (n, one, many) => `${n} ${n === 1 ? one : many}`
/** @typedef {string} T a text put in */

export const english = {
  connecting: 'Connecting…', language: 'Language', signIn: 'Sign in', signOut: 'Sign out', token: 'Access token',
  tokenHint: 'The value of HUB_API_TOKEN in central-hub.env on the server.',
  signInWrong: 'That is not the access token.', signedOut: 'You were signed out. Sign in to go on: what you typed is kept.',
  tryAgain: 'Try again', cancel: 'Cancel', close: 'Close', back: 'Back to the list', backToMessages: 'Back to the messages', loading: 'Loading…', more: 'Load more',
  lost: 'The connection to LeadMaster is lost. It is being tried again; what you type is kept.',
  problems: {
    'no-answer': 'LeadMaster does not answer.', 'not-found': 'It is not there (any more).', 'payload-too-large': 'That is too large.', forbidden: 'That is not allowed.',
    'session-manager-unreachable': 'session-manager, the service that listens to WhatsApp, cannot be reached.',
    'session-manager-invalid': 'What answers in the place of session-manager is not usable.',
    'too-many-requests': 'That was too much at once. Wait a moment.', conflict: 'That cannot be done as things stand.', 'invalid-parameters': 'Something in it is not as it should be.',
    'precondition-failed': 'Others keep changing this lead just now.'
  },
  failed: 'That did not work.',
  navigation: 'Views', leads: 'Leads', figures: 'Figures', settings: 'Settings',

  searchHere: 'Search in this conversation', foundOlder: 'Older match', foundNewer: 'Newer match', nothingFound: 'Nothing found', foundAt: (/** @type {T} */ at, /** @type {T} */ of) => `${at} of ${of}`, search: 'Search leads', searchHint: 'Name, phone or message', filters: 'Filters', filtersOn: (/** @type {number} */ n) => `Filters (${n})`, stateFilter: 'State', waitFilter: 'Answer', tagFilter: 'Tag', assigneeFilter: 'Taken care of by', sourceFilter: 'Came from', accountFilter: 'Account', clearFilters: 'Clear',
  active: 'Not ignored', all: 'All', any: 'Any', sourcesFilter: { '': 'Anywhere', ad: 'An ad' }, waitsFilter: { '': 'All', true: 'Waiting', false: 'Not waiting' },
  ages: { today: 'Today', yesterday: 'Yesterday', older: 'Older' }, markedUnread: 'Marked as unread', markUnread: 'Mark as unread', unreadShort: 'Unread', markRead: 'Mark as read', exportList: 'Export (CSV)', waiting: 'Waiting for an answer', recent: 'Recent',
  foundIn: { phone: 'Phone', note: 'Note', message: 'Found' }, notFound: 'This message is not here any more.',
  nobodyWaits: 'Nobody is waiting. Well done.', noRecent: 'No other leads.', noMatch: 'No lead matches.', showAll: 'Show all leads',
  noLeads: 'No leads yet. Whoever writes to your WhatsApp appears here at once.',
  waits: (/** @type {T} */ time) => `waiting ${time}`, unread: (/** @type {number} */ n) => count(n, 'unread message', 'unread messages'), unknownName: 'Unknown number', youWrote: 'You:',
  stateOf: { new: 'New', open: 'Open', won: 'Won', lost: 'Lost', ignored: 'Ignored' },
  chooseLead: 'Choose a lead to read the conversation.', shortcutsHint: 'Press ? for the keyboard shortcuts.',
  newFrom: (/** @type {T} */ name) => `New message from ${name}`, newFromMany: (/** @type {number} */ n) => `New messages from ${n} leads`, newMessage: 'New message',

  details: 'Details', leadForm: 'About this lead', state: 'State', note: 'Note', noteHint: 'Only your team sees it', tags: 'Tags', addTagHint: 'Type a tag, then Enter', removeTag: (/** @type {T} */ tag) => `Take off ${tag}`,
  assignee: 'Taken care of by', assigneeHint: 'Nobody yet', name: 'Name', nameHint: 'As your team calls this person',
  saving: 'Saving…', triedAgain: 'It is tried again by itself.', unsavedChanges: (/** @type {number} */ n) => `${count(n, 'change is', 'changes are')} not saved yet.`, unsavedRetried: 'It is tried again when the connection is back.', unsavedConflict: 'Someone else changed the same: decide which stays.', unsavedShow: 'Show', saved: 'Saved', notSaved: 'Not saved:', unsaved: 'Not saved yet',
  changedElsewhere: 'Someone else changed this meanwhile:', emptyNow: '(nothing)', keepMine: 'Save mine', takeTheirs: 'Take theirs',
  phone: 'Phone', whatsappName: 'Name in WhatsApp', firstSeen: 'Lead since', waitsSince: 'Waiting since', lastSeen: 'Last message', source: 'Came from the ad',
  history: 'History', noHistory: 'Nobody has changed anything yet.', fieldOf: { state: 'State', note: 'Note', tags: 'Tags', assignee: 'Taken care of by', name: 'Name', handled: 'Answer', merged: 'Merged' },
  became: (/** @type {T} */ from, /** @type {T} */ to) => `${from} → ${to}`, mergedLead: (/** @type {T} */ id) => `Lead ${id} became part of this one.`,
  merge: 'Merge with another lead…', mergeTitle: 'Which lead is the same person?', mergeText: 'For a person whom WhatsApp shows twice, or who has two numbers. Messages, tags and note of the other become part of this lead, and so do messages that come from its number. This cannot be undone.', mergeSearch: 'Search the other lead', mergeYes: 'Merge', mergePick: 'Choose one.',
  remove: 'Delete for good…', removeTitle: 'Delete this lead for good?', removeText: 'All messages, media, note and history of this lead are deleted, in all of LeadMaster. WhatsApp itself keeps what it has. This cannot be undone.',
  removeWord: 'DELETE', removeType: (/** @type {T} */ word) => `Type ${word} to confirm`, removeYes: 'Delete for good', removed: 'The lead was deleted.', removedElsewhere: 'This lead was deleted.',

  reply: 'Reply in WhatsApp Web', replyApp: 'Reply in WhatsApp', openApp: 'Open WhatsApp', lastSeenAt: (/** @type {T} */ at) => `last message ${at}`, madeUnread: 'Marked as unread.', newTab: '(opens a new tab)', replyHint: 'LeadMaster never sends anything. Answer in WhatsApp; your answer then appears here.',
  markHandled: 'No answer needed', markHandledHint: 'Takes this lead off those who wait. The next message waits again.', undoHandled: 'Put back: it waits',
  handledDone: 'Marked as needing no answer.', handledUndone: 'Put back to those who wait.',
  openWhatsapp: 'Open WhatsApp Web',
  noPhone: (/** @type {T} */ name) => `WhatsApp has not told this person’s number. In WhatsApp Web or on the phone, look for “${name}” in the list of chats and answer there.`,
  messages: 'Messages', older: 'Load older messages', toBegin: 'To the beginning', loadedSoFar: (/** @type {T} */ n) => `${n} messages loaded…`, unreadFrom: (/** @type {number} */ n) => count(n, 'unread message', 'unread messages'), copy: 'Copy the text', copied: 'Copied.', notCopied: 'The browser does not let it be copied.', opensTab: (/** @type {T} */ address) => `${address} (opens a new tab)`, begin: 'The conversation begins here.', noMessages: 'No messages.', toLatest: 'To the latest',
  you: 'You', edited: 'edited', forwarded: 'Forwarded', deletedBySender: 'Deleted by its sender', deletedByMe: 'Deleted on your phone, for you only',
  quoteMissing: 'An earlier message', goToQuoted: 'Go to the message answered', reactions: 'Reactions',
  showMap: 'Show on a map', pollMany: 'more than one answer allowed', validUntil: (/** @type {T} */ at) => `good until ${at}`,
  mediaState: { pending: 'being fetched', stored: '', skipped: 'too large to keep: see it on the phone', failed: 'could not be fetched: see it on the phone' },
  download: 'Download', mediaGone: 'It could not be shown here.',
  unknownType: (/** @type {T} */ type) => `A message of a kind that is not shown here (${type}): see it on the phone.`,
  notice: (/** @type {T} */ type) => `Notice of WhatsApp (${type})`,

  whatsapp: 'WhatsApp', health: 'LeadMaster', connectionIs: 'WhatsApp:',
  pill: { INIT: 'Starting', QR_REQUIRED: 'Scan the QR', PASSKEY_REQUIRED: 'Passkey wanted', AUTHENTICATED: 'Syncing', READY: 'Connected', DISCONNECTED: 'Not connected', ERROR: 'Fault', PROBLEM: 'Not reachable', UNKNOWN: 'Asking…' },
  status: {
    INIT: 'WhatsApp Web is starting.', QR_REQUIRED: 'Link your WhatsApp: scan this code with your phone.', PASSKEY_REQUIRED: 'WhatsApp asks for the passkey of your account.', AUTHENTICATED: 'Linked. WhatsApp Web is syncing.',
    READY: 'Connected: every message is being captured.', DISCONNECTED: 'Not connected.', ERROR: 'There is a fault. LeadMaster keeps trying; have a look:'
  },
  qrSteps: ['Open WhatsApp on your phone.', 'Go to Settings, then Linked devices.', 'Tap “Link a device” and point the phone at the code.'],
  qrAlt: 'QR code to link your WhatsApp', qrLeft: (/** @type {number} */ n, /** @type {T} */ time) => `Code ${n}, valid for another ${time}`,
  qrExpired: 'This code has expired. The next one is on its way…', qrWaiting: 'The code is on its way…', qrRefresh: 'Refresh the code',
  pairing: 'Link with a phone number instead', pairingPhone: 'Number of your WhatsApp, with its country code', pairingGet: 'Get a code',
  pairingSteps: ['Open WhatsApp on the phone with that number.', 'Go to Settings, then Linked devices, then “Link a device”.', 'Tap “Link with phone number instead” and type this code.'],
  pairingLeft: (/** @type {T} */ phone, /** @type {T} */ time) => `For ${phone}, valid for another ${time}`, pairingExpired: 'This code has expired. Get another one.',
  passkeyStage: {
    starting: 'WhatsApp asks for the passkey of your account. Its challenge is on its way…',
    challenge: 'The phone has scanned the code. Now WhatsApp asks for the passkey (fingerprint, face or PIN) of your account. LeadMaster cannot use it; your own browser can:',
    'waiting-for-phone': 'The passkey has answered. Open WhatsApp on the phone and do what it asks.',
    code: 'Does the phone show this code?', finishing: 'The code is confirmed. WhatsApp links the device…', failed: 'That did not work.'
  },
  passkeySteps: [
    'On a computer or phone on which you can use the passkey, open web.whatsapp.com in a browser. You need not sign in there.',
    'Press F12 there, choose “Console”, paste this line and press Enter. (Some browsers first want you to type “allow pasting”.)',
    'Press “Use passkey” in the box that appears, copy the answer, and paste it here:'
  ],
  passkeyCopy: 'Copy the line', passkeyCopied: 'Copied.', passkeySelected: 'Selected: copy it with Ctrl+C.',
  passkeySend: 'Send the answer', passkeyNotWhole: 'That is not the whole answer: copy it again, from the first { to the last }.',
  passkeyLeft: (/** @type {T} */ time) => `${time} left`, passkeyExpired: 'The time is up.',
  passkeySame: 'Yes, it is the same code', passkeyOther: 'No, start again', passkeyRestart: 'Start again', passkeyCancel: 'Back to the QR code',
  nextAttempt: (/** @type {T} */ time) => `Next attempt in ${time}`, attemptNow: 'Next attempt now', tries: (/** @type {number} */ n) => count(n, 'attempt failed', 'attempts failed in a row'),
  as: 'Account', number: 'Number', since: 'Since', lastMessage: 'Last message', captured: 'Records captured', filling: 'Reading back what was missed', blocked: 'Attempts to send that were stopped',
  connect: 'Connect', disconnect: 'Disconnect', unlink: 'Unlink this device…', working: 'Working…',
  unlinkTitle: 'Unlink this device?', unlinkText: 'LeadMaster stops capturing messages until someone links a phone again: by a new QR code and, more and more often, the passkey of the account. A link that is lost can be hard to make again. What was captured stays. To pause only, use “Disconnect”.', unlinkNotNow: 'WhatsApp is not connected now and could not be told: the phone would go on listing this device. Press “Connect” first and unlink once it is connected.', unlinkUntold: 'This device is forgotten here, but WhatsApp could not be told: remove it on the phone, under Linked devices.', unlinkYes: 'Unlink',
  callQr: 'WhatsApp is not linked: scan the QR', callPasskey: 'WhatsApp asks for your passkey: see how', callLost: 'No messages are coming in: see why',
  healthy: 'Everything works.', unhealthy: 'Something needs attention:',
  checks: {
    store: ['Messages and leads are kept safely.', 'The database does not answer: nothing new can be kept. What WhatsApp brings waits in session-manager.'],
    'session-manager': ['The service that listens to WhatsApp answers.', 'The service that listens to WhatsApp does not answer as it should.'],
    following: ['Every message captured arrives here.', 'Messages do not arrive here just now. None is lost: they arrive once this is mended.']
  },
  checkOf: (/** @type {T} */ name, /** @type {boolean} */ ok) => `${name}: ${ok ? 'works' : 'does not work'}`, works: 'Works:', broken: 'Does not work:',

  figuresTitle: 'The last 30 days', perDay: 'Messages per day', received: 'Received', sent: 'Sent', firstResponse: 'First response', firstResponseSum: (/** @type {T} */ median, /** @type {T} */ p90) => `Half of the leads were answered within ${median}, nine of ten within ${p90}.`,
  noAnswers: 'Nobody was answered in these days.', noMessagesYet: 'No messages in these days.', waitingNow: 'Waiting now', longest: (/** @type {T} */ time) => `the longest for ${time}`, leadsByState: 'Leads by state', newLeads: 'New leads', leadsByAd: 'Leads by ad', noAds: 'No lead came from an ad in these days.', ad: 'Ad', unnamedAd: 'An ad without a title', day: 'Day', asTable: 'As a table',
  perDaySum: (/** @type {number} */ inbound, /** @type {number} */ outbound) => `${inbound} received, ${outbound} sent.`, median: 'Median',

  notifications: 'Desktop notifications', notifyOff: 'Off. Turn them on to hear of new messages while you work in another window.', notifyOn: 'On: a new message is told while this page is not in front of you.', notifyBlocked: 'Your browser blocks them for this page. Allow them in the browser’s settings of this site.', notifyNone: 'This browser has none for pages.',
  notifyTurnOn: 'Turn on', notifyTurnOff: 'Turn off', notifyNames: 'Show who wrote (others may see your screen)',
  names: 'Names from a file', namesHint: 'A CSV file from Excel or another program, with a column of phone numbers and one of names. Nothing else in it is taken. A name for a number that has not written yet is kept for when it does.', namesFile: 'CSV file', namesSend: 'Import', namesPick: 'Choose a file first.',
  namesDone: (/** @type {number} */ named, /** @type {number} */ kept, /** @type {number} */ unchanged) => `${count(named, 'lead was named', 'leads were named')}, ${count(kept, 'name is kept', 'names are kept')} for later, ${unchanged} unchanged.`, namesErrors: (/** @type {number} */ n) => `${count(n, 'line was', 'lines were')} not taken:`, line: (/** @type {number} */ n) => `Line ${n}`, importFields: { phone: 'phone', name: 'name' },
  namesIgnored: (/** @type {T} */ columns) => `Columns that were not taken: ${columns}`,
  importFaults: {
    'phone-missing': 'there is none.', 'phone-unreadable': 'that is no phone number.', 'phone-without-country': 'it lacks its country code, such as +52.',
    'phone-lost-digits': 'the spreadsheet shortened it (such as 5.22E+12), and its last digits are lost. Format the column as text before you type or paste numbers.',
    'name-missing': 'there is none.', 'name-too-long': 'it is longer than 200 characters.', 'name-line-break': 'it has more than one line.', 'name-characters': 'it has characters that cannot be shown.',
    'name-lost-characters': 'its letters were lost when the file was saved. Save it as CSV UTF-8.',
    'line-quotes': 'a quotation mark is not closed, or is in the middle of a cell.', 'line-in-quotes': 'it is inside the quotation marks of a line before.', 'line-encoding': 'the letters cannot be read. Save the file as CSV UTF-8.', 'line-json': 'it cannot be read.',
    'file-empty': 'The file is empty.', 'file-no-lines': 'The file has headings and nothing below them.', 'file-workbook': 'This is a workbook. In Excel save it as CSV UTF-8, and choose that file.',
    'heading-phone': 'No column of phone numbers was found. Give one the heading “phone”.', 'heading-name': 'No column of names was found. Give one the heading “name”.',
    'heading-phone-twice': 'Several columns have the same heading of phone numbers.', 'heading-name-twice': 'Several columns have the same heading of names.'
  },
  exports: 'Export', exportHint: 'Everything as a file for a spreadsheet (CSV) or a program (JSON Lines).', exportLeads: 'Leads', exportMessages: 'Messages',
  webhooks: 'Webhooks', webhooksNone: 'None. They are added over REST; see the API’s documentation.', webhookFine: (/** @type {T} */ at) => `Last delivered ${at}`, webhookNever: 'Nothing delivered yet', webhookOff: 'Turned off', webhookFailing: (/** @type {T} */ at) => `Failing since ${at}`, webhookPending: (/** @type {number} */ n) => `${n} waiting`, webhookDead: (/** @type {number} */ n) => `${n} given up`, webhookPing: 'Send a test', webhookReplay: 'Deliver those given up again', webhookQueued: 'On its way.', webhookReplayed: (/** @type {number} */ n) => `${count(n, 'delivery is', 'deliveries are')} tried again.`,
  shortcuts: 'Keyboard shortcuts', shortcutsNote: 'j and k only show a lead: it stays unread until you press a key or click in it.', shortcutsUse: 'Use keyboard shortcuts of single letters', shortcutKeys: { '/': 'Search', j: 'Next lead', k: 'Previous lead', r: 'Reply in WhatsApp Web', d: 'No answer needed, or put back', f: 'Search in the conversation', u: 'Mark as unread', n: 'Write a note', t: 'Add a tag', s: 'Change the state', c: 'Copy the message that has the focus', Esc: 'Back to the list', '?': 'Show these shortcuts' },
  api: 'API documentation'
}
