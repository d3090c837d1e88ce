/** What the page says, in Spanish. */

/** @param {number} n @param {string} one @param {string} many */
const count = (n, one, many) => `${n} ${n === 1 ? one : many}`

/** @type {typeof import('./english.js').english} */
export const spanish = {
  connecting: 'Conectando…', language: 'Idioma', signIn: 'Entrar', signOut: 'Salir', token: 'Clave de acceso',
  tokenHint: 'El valor de HUB_API_TOKEN en central-hub.env, en el servidor.',
  signInWrong: 'Esa no es la clave de acceso.', signedOut: 'La sesión se cerró. Entra para seguir: lo que escribiste se conserva.',
  tryAgain: 'Reintentar', cancel: 'Cancelar', close: 'Cerrar', back: 'Volver a la lista', backToMessages: 'Volver a los mensajes', loading: 'Cargando…', more: 'Cargar más',
  lost: 'Se perdió la conexión con LeadMaster. Se está reintentando; lo que escribas se conserva.',
  problems: {
    'no-answer': 'LeadMaster no responde.', 'not-found': 'Ya no está ahí.', 'payload-too-large': 'Es demasiado grande.', forbidden: 'Eso no está permitido.',
    'session-manager-unreachable': 'No se llega a session-manager, el servicio que escucha a WhatsApp.',
    'session-manager-invalid': 'Lo que responde en lugar de session-manager no sirve.',
    'too-many-requests': 'Fue demasiado de una vez. Espera un momento.', conflict: 'Así como están las cosas no se puede.', 'invalid-parameters': 'Hay algo que no es como debería.',
    'precondition-failed': 'Otras personas están cambiando este cliente ahora mismo.'
  },
  failed: 'No se pudo hacer.',
  navigation: 'Vistas', leads: 'Clientes', figures: 'Cifras', settings: 'Ajustes',

  searchHere: 'Buscar en esta conversación', foundOlder: 'Coincidencia anterior', foundNewer: 'Coincidencia siguiente', nothingFound: 'Nada encontrado', foundAt: (at, of) => `${at} de ${of}`, search: 'Buscar clientes', searchHint: 'Nombre, número o texto', filters: 'Filtros', filtersOn: (n) => `Filtros (${n})`, stateFilter: 'Estado', waitFilter: 'Respuesta', tagFilter: 'Etiqueta', assigneeFilter: 'Lo atiende', sourceFilter: 'Vino de', accountFilter: 'Cuenta', clearFilters: 'Quitar filtros',
  active: 'Sin ignorados', all: 'Todos', any: 'Cualquiera', sourcesFilter: { '': 'Cualquier lugar', ad: 'Un anuncio' }, waitsFilter: { '': 'Todos', true: 'Esperan', false: 'No esperan' },
  ages: { today: 'Hoy', yesterday: 'Ayer', older: 'Antes' }, markedUnread: 'Marcado como no leído', markUnread: 'Marcar como no leído', unreadShort: 'No leído', markRead: 'Marcar como leído', exportList: 'Exportar (CSV)', waiting: 'Esperan respuesta', recent: 'Recientes',
  foundIn: { phone: 'Teléfono', note: 'Nota', message: 'Encontrado' }, notFound: 'Este mensaje ya no está aquí.',
  nobodyWaits: 'Nadie está esperando. ¡Bien hecho!', noRecent: 'No hay más clientes.', noMatch: 'Ningún cliente coincide.', showAll: 'Ver todos los clientes',
  noLeads: 'Todavía no hay clientes. Quien escriba a tu WhatsApp aparecerá aquí al momento.',
  waits: (time) => `espera ${time}`, unread: (n) => count(n, 'mensaje sin leer', 'mensajes sin leer'), unknownName: 'Número desconocido', youWrote: 'Tú:',
  stateOf: { new: 'Nuevo', open: 'En curso', won: 'Ganado', lost: 'Perdido', ignored: 'Ignorado' },
  chooseLead: 'Elige un cliente para leer la conversación.', shortcutsHint: 'Pulsa ? para ver los atajos de teclado.',
  newFrom: (name) => `Mensaje nuevo de ${name}`, newFromMany: (n) => `Mensajes nuevos de ${n} clientes`, newMessage: 'Mensaje nuevo',

  details: 'Detalles', leadForm: 'Sobre este cliente', state: 'Estado', note: 'Nota', noteHint: 'Solo la ve tu equipo', tags: 'Etiquetas', addTagHint: 'Escribe una y pulsa Intro', removeTag: (tag) => `Quitar ${tag}`,
  assignee: 'Lo atiende', assigneeHint: 'Nadie todavía', name: 'Nombre', nameHint: 'Como llama tu equipo a esta persona',
  saving: 'Guardando…', triedAgain: 'Se reintenta solo.', unsavedChanges: (n) => `${count(n, 'cambio', 'cambios')} sin guardar.`, unsavedRetried: 'Se guarda cuando vuelva la conexión.', unsavedConflict: 'Alguien cambió lo mismo: decide cuál queda.', unsavedShow: 'Ver', saved: 'Guardado', notSaved: 'No se guardó:', unsaved: 'Sin guardar',
  changedElsewhere: 'Alguien cambió esto mientras tanto:', emptyNow: '(nada)', keepMine: 'Guardar lo mío', takeTheirs: 'Dejar lo suyo',
  phone: 'Teléfono', whatsappName: 'Nombre en WhatsApp', firstSeen: 'Cliente desde', waitsSince: 'Espera desde', lastSeen: 'Último mensaje', source: 'Vino del anuncio',
  history: 'Historial', noHistory: 'Nadie ha cambiado nada todavía.', fieldOf: { state: 'Estado', note: 'Nota', tags: 'Etiquetas', assignee: 'Lo atiende', name: 'Nombre', handled: 'Respuesta', merged: 'Unidos' },
  became: (from, to) => `${from} → ${to}`, mergedLead: (id) => `El cliente ${id} se unió a este.`,
  merge: 'Unir con otro cliente…', mergeTitle: '¿Qué cliente es la misma persona?', mergeText: 'Para una persona que WhatsApp muestra dos veces, o que tiene dos números. Los mensajes, etiquetas y nota del otro pasan a este cliente, y también los mensajes que lleguen de su número. No se puede deshacer.', mergeSearch: 'Busca al otro cliente', mergeYes: 'Unir', mergePick: 'Elige uno.',
  remove: 'Borrar para siempre…', removeTitle: '¿Borrar este cliente para siempre?', removeText: 'Se borran todos sus mensajes, archivos, nota e historial, en todo LeadMaster. WhatsApp conserva lo que tiene. No se puede deshacer.',
  removeWord: 'BORRAR', removeType: (word) => `Escribe ${word} para confirmar`, removeYes: 'Borrar para siempre', removed: 'El cliente se borró.', removedElsewhere: 'Este cliente se borró.',

  reply: 'Responder en WhatsApp Web', replyApp: 'Responder en WhatsApp', openApp: 'Abrir WhatsApp', lastSeenAt: (at) => `último mensaje ${at}`, madeUnread: 'Marcado como no leído.', newTab: '(abre otra pestaña)', replyHint: 'LeadMaster nunca envía nada. Responde en WhatsApp; tu respuesta aparecerá aquí.',
  markHandled: 'No hace falta responder', markHandledHint: 'Quita a este cliente de los que esperan. Su próximo mensaje vuelve a esperar.', undoHandled: 'Devolver: espera',
  handledDone: 'Marcado: no hace falta responder.', handledUndone: 'Devuelto a los que esperan.',
  openWhatsapp: 'Abrir WhatsApp Web',
  noPhone: (name) => `WhatsApp no ha dicho el número de esta persona. En WhatsApp Web o en el teléfono, busca «${name}» en la lista de chats y responde ahí.`,
  messages: 'Mensajes', older: 'Cargar mensajes anteriores', toBegin: 'Ir al principio', loadedSoFar: (n) => `${n} mensajes cargados…`, unreadFrom: (n) => count(n, 'mensaje sin leer', 'mensajes sin leer'), copy: 'Copiar el texto', copied: 'Copiado.', notCopied: 'El navegador no deja copiarlo.', opensTab: (address) => `${address} (abre otra pestaña)`, begin: 'La conversación empieza aquí.', noMessages: 'No hay mensajes.', toLatest: 'Al último',
  you: 'Tú', edited: 'editado', forwarded: 'Reenviado', deletedBySender: 'Eliminado por quien lo escribió', deletedByMe: 'Eliminado en tu teléfono, solo para ti',
  quoteMissing: 'Un mensaje anterior', goToQuoted: 'Ir al mensaje respondido', reactions: 'Reacciones',
  showMap: 'Ver en un mapa', pollMany: 'se puede elegir más de una', validUntil: (at) => `válida hasta el ${at}`,
  mediaState: { pending: 'descargándose', stored: '', skipped: 'demasiado grande para guardarlo: míralo en el teléfono', failed: 'no se pudo descargar: míralo en el teléfono' },
  download: 'Descargar', mediaGone: 'No se pudo mostrar aquí.',
  unknownType: (type) => `Un mensaje de un tipo que aquí no se muestra (${type}): míralo en el teléfono.`,
  notice: (type) => `Aviso de WhatsApp (${type})`,

  whatsapp: 'WhatsApp', health: 'LeadMaster', connectionIs: 'WhatsApp:',
  pill: { INIT: 'Abriendo', QR_REQUIRED: 'Escanea el QR', PASSKEY_REQUIRED: 'Pide la llave de acceso', AUTHENTICATED: 'Sincronizando', READY: 'Conectado', DISCONNECTED: 'Sin conexión', ERROR: 'Avería', PROBLEM: 'Inaccesible', UNKNOWN: 'Preguntando…' },
  status: {
    INIT: 'WhatsApp Web se está abriendo.', QR_REQUIRED: 'Vincula tu WhatsApp: escanea este código con el teléfono.', PASSKEY_REQUIRED: 'WhatsApp pide la llave de acceso de tu cuenta.', AUTHENTICATED: 'Vinculado. WhatsApp Web se está sincronizando.',
    READY: 'Conectado: se captura cada mensaje.', DISCONNECTED: 'Sin conexión.', ERROR: 'Hay una avería. LeadMaster sigue intentándolo; conviene mirarla:'
  },
  qrSteps: ['Abre WhatsApp en el teléfono.', 'Ve a Ajustes y luego a Dispositivos vinculados.', 'Toca «Vincular un dispositivo» y apunta al código.'],
  qrAlt: 'Código QR para vincular tu WhatsApp', qrLeft: (n, time) => `Código ${n}, válido ${time} más`,
  qrExpired: 'Este código caducó. El siguiente está en camino…', qrWaiting: 'El código está en camino…', qrRefresh: 'Actualizar el código',
  pairing: 'Vincular con el número de teléfono', pairingPhone: 'Número de tu WhatsApp, con su código de país', pairingGet: 'Pedir un código',
  pairingSteps: ['Abre WhatsApp en el teléfono de ese número.', 'Ve a Ajustes, Dispositivos vinculados, «Vincular un dispositivo».', 'Toca «Vincular con el número de teléfono» y escribe este código.'],
  pairingLeft: (phone, time) => `Para ${phone}, válido ${time} más`, pairingExpired: 'Este código caducó. Pide otro.',
  passkeyStage: {
    starting: 'WhatsApp pide la llave de acceso de tu cuenta. Su pregunta está en camino…',
    challenge: 'El teléfono ya escaneó el código. Ahora WhatsApp pide la llave de acceso (huella, cara o PIN) de tu cuenta. LeadMaster no puede usarla; tu propio navegador sí:',
    'waiting-for-phone': 'La llave de acceso respondió. Abre WhatsApp en el teléfono y haz lo que pida.',
    code: '¿El teléfono muestra este código?', finishing: 'El código está confirmado. WhatsApp vincula el dispositivo…', failed: 'No funcionó.'
  },
  passkeySteps: [
    'En un ordenador o teléfono donde puedas usar la llave de acceso, abre web.whatsapp.com en un navegador. No hace falta iniciar sesión ahí.',
    'Ahí pulsa F12, elige «Consola», pega esta línea y pulsa Intro. (Algunos navegadores piden escribir antes «allow pasting».)',
    'Pulsa «Usar llave de acceso» en el recuadro que aparece, copia la respuesta y pégala aquí:'
  ],
  passkeyCopy: 'Copiar la línea', passkeyCopied: 'Copiada.', passkeySelected: 'Seleccionada: cópiala con Ctrl+C.',
  passkeySend: 'Enviar la respuesta', passkeyNotWhole: 'Esa no es la respuesta entera: cópiala otra vez, de la primera { a la última }.',
  passkeyLeft: (time) => `Quedan ${time}`, passkeyExpired: 'Se acabó el tiempo.',
  passkeySame: 'Sí, es el mismo código', passkeyOther: 'No, empezar de nuevo', passkeyRestart: 'Empezar de nuevo', passkeyCancel: 'Volver al código QR',
  nextAttempt: (time) => `Próximo intento en ${time}`, attemptNow: 'Próximo intento ahora', tries: (n) => count(n, 'intento fallido', 'intentos fallidos seguidos'),
  as: 'Cuenta', number: 'Número', since: 'Desde', lastMessage: 'Último mensaje', captured: 'Registros capturados', filling: 'Recuperando lo que faltaba', blocked: 'Intentos de envío impedidos',
  connect: 'Conectar', disconnect: 'Desconectar', unlink: 'Desvincular este dispositivo…', working: 'En ello…',
  unlinkTitle: '¿Desvincular este dispositivo?', unlinkText: 'LeadMaster deja de capturar mensajes hasta que alguien vincule otra vez un teléfono: con un código QR nuevo y, cada vez más, con la llave de acceso de la cuenta. Un vínculo perdido puede ser difícil de recuperar. Lo capturado se conserva. Para solo pausar, usa «Desconectar».', unlinkNotNow: 'WhatsApp no está conectado ahora y no se le podría avisar: el teléfono seguiría mostrando este dispositivo. Pulsa antes «Conectar» y desvincula cuando esté conectado.', unlinkUntold: 'Este dispositivo se olvidó aquí, pero no se pudo avisar a WhatsApp: quítalo en el teléfono, en Dispositivos vinculados.', unlinkYes: 'Desvincular',
  callQr: 'WhatsApp no está vinculado: escanea el QR', callPasskey: 'WhatsApp pide tu llave de acceso: mira cómo', callLost: 'No entran mensajes: mira por qué',
  healthy: 'Todo funciona.', unhealthy: 'Algo necesita atención:',
  checks: {
    store: ['Los mensajes y los clientes se guardan bien.', 'La base de datos no responde: no se puede guardar nada nuevo. Lo que trae WhatsApp espera en session-manager.'],
    'session-manager': ['El servicio que escucha a WhatsApp responde.', 'El servicio que escucha a WhatsApp no responde como debería.'],
    following: ['Cada mensaje capturado llega aquí.', 'Ahora mismo no llegan mensajes. No se pierde ninguno: llegarán cuando esto se arregle.']
  },
  checkOf: (name, ok) => `${name}: ${ok ? 'funciona' : 'no funciona'}`, works: 'Funciona:', broken: 'No funciona:',

  figuresTitle: 'Los últimos 30 días', perDay: 'Mensajes por día', received: 'Recibidos', sent: 'Enviados', firstResponse: 'Primera respuesta', firstResponseSum: (median, p90) => `La mitad recibió respuesta en ${median}; nueve de cada diez, en ${p90}.`,
  noAnswers: 'En estos días no se contestó a nadie.', noMessagesYet: 'No hay mensajes en estos días.', waitingNow: 'Esperan ahora', longest: (time) => `quien más, desde hace ${time}`, leadsByState: 'Clientes por estado', newLeads: 'Clientes nuevos', leadsByAd: 'Clientes por anuncio', noAds: 'Ningún cliente vino de un anuncio en estos días.', ad: 'Anuncio', unnamedAd: 'Un anuncio sin título', day: 'Día', asTable: 'Como tabla',
  perDaySum: (inbound, outbound) => `${inbound} recibidos, ${outbound} enviados.`, median: 'Mediana',

  notifications: 'Avisos en el escritorio', notifyOff: 'Apagados. Enciéndelos para enterarte de mensajes nuevos mientras trabajas en otra ventana.', notifyOn: 'Encendidos: un mensaje nuevo se avisa cuando esta página no está a la vista.', notifyBlocked: 'Tu navegador los bloquea en esta página. Permítelos en los ajustes del navegador para este sitio.', notifyNone: 'Este navegador no los ofrece a las páginas.',
  notifyTurnOn: 'Encender', notifyTurnOff: 'Apagar', notifyNames: 'Mostrar quién escribió (otras personas podrían ver tu pantalla)',
  names: 'Nombres desde un archivo', namesHint: 'Un archivo CSV de Excel o de otro programa, con una columna de teléfonos y otra de nombres. No se toma nada más de él. El nombre de un número que aún no ha escrito se guarda para cuando escriba.', namesFile: 'Archivo CSV', namesSend: 'Importar', namesPick: 'Primero elige un archivo.',
  namesDone: (named, kept, unchanged) => `${count(named, 'cliente recibió', 'clientes recibieron')} nombre, ${count(kept, 'nombre queda', 'nombres quedan')} para después, ${unchanged} sin cambios.`, namesErrors: (n) => `${count(n, 'línea no se tomó:', 'líneas no se tomaron:')}`, line: (n) => `Línea ${n}`, importFields: { phone: 'teléfono', name: 'nombre' },
  namesIgnored: (columns) => `Columnas que no se tomaron: ${columns}`,
  importFaults: {
    'phone-missing': 'no hay ninguno.', 'phone-unreadable': 'eso no es un número de teléfono.', 'phone-without-country': 'le falta el código de país, como +52.',
    'phone-lost-digits': 'la hoja de cálculo lo abrevió (como 5,22E+12) y se perdieron sus últimas cifras. Da a la columna formato de texto antes de escribir o pegar números.',
    'name-missing': 'no hay ninguno.', 'name-too-long': 'tiene más de 200 caracteres.', 'name-line-break': 'tiene más de una línea.', 'name-characters': 'tiene caracteres que no se pueden mostrar.',
    'name-lost-characters': 'al guardar el archivo se perdieron sus letras. Guárdalo como CSV UTF-8.',
    'line-quotes': 'hay unas comillas sin cerrar o en medio de una celda.', 'line-in-quotes': 'está dentro de las comillas de una línea anterior.', 'line-encoding': 'no se pueden leer las letras. Guarda el archivo como CSV UTF-8.', 'line-json': 'no se puede leer.',
    'file-empty': 'El archivo está vacío.', 'file-no-lines': 'El archivo tiene encabezados y nada debajo.', 'file-workbook': 'Es un libro de Excel. Guárdalo en Excel como CSV UTF-8 y elige ese archivo.',
    'heading-phone': 'No se encontró una columna de teléfonos. Ponle a una el encabezado «Teléfono».', 'heading-name': 'No se encontró una columna de nombres. Ponle a una el encabezado «Nombre».',
    'heading-phone-twice': 'Varias columnas tienen el mismo encabezado de teléfono.', 'heading-name-twice': 'Varias columnas tienen el mismo encabezado de nombre.'
  },
  exports: 'Exportar', exportHint: 'Todo como archivo para una hoja de cálculo (CSV) o un programa (JSON Lines).', exportLeads: 'Clientes', exportMessages: 'Mensajes',
  webhooks: 'Webhooks', webhooksNone: 'Ninguno. Se añaden por REST; mira la documentación de la API.', webhookFine: (at) => `Última entrega: ${at}`, webhookNever: 'Aún no se ha entregado nada', webhookOff: 'Apagado', webhookFailing: (at) => `Falla desde: ${at}`, webhookPending: (n) => `${n} en espera`, webhookDead: (n) => count(n, 'abandonada', 'abandonadas'), webhookPing: 'Enviar una prueba', webhookReplay: 'Entregar de nuevo las abandonadas', webhookQueued: 'En camino.', webhookReplayed: (n) => `${count(n, 'entrega se intenta', 'entregas se intentan')} de nuevo.`,
  shortcuts: 'Atajos de teclado', shortcutsNote: 'j y k solo muestran un cliente: sigue sin leer hasta que pulses una tecla o hagas clic en él.', shortcutsUse: 'Usar atajos de una sola letra', shortcutKeys: { '/': 'Buscar', j: 'Cliente siguiente', k: 'Cliente anterior', r: 'Responder en WhatsApp Web', d: 'No hace falta responder, o devolver', f: 'Buscar en la conversación', u: 'Marcar como no leído', n: 'Escribir una nota', t: 'Añadir una etiqueta', s: 'Cambiar el estado', c: 'Copiar el mensaje que tiene el foco', Esc: 'Volver a la lista', '?': 'Ver estos atajos' },
  api: 'Documentación de la API'
}
