import type { PasskeyRequest } from '../../contract/session.ts'

/**
 * The script that the operator's own browser runs on https://web.whatsapp.com. It adds a button to
 * the page. A click on it asks for the passkey (a browser requires a click, and the focus), and the
 * answer is shown as text to be copied. It sends nothing anywhere. The page's policy allows no
 * markup, no eval and no other server, so all is built element by element.
 */

/** Parts of the script, which a space joins into one line. `q` is the request. */
const parts = [
  'const d = document, id = "leadmaster-passkey",',
  'isThere = location.origin === "https://web.whatsapp.com";',
  'const make = (name, css, text) => { const e = d.createElement(name);',
  'e.style.cssText = css; e.textContent = text; return e; };',
  'const decode = (t) => Uint8Array.from(atob(t.replace(/-/g, "+").replace(/_/g, "/")),',
  '(c) => c.charCodeAt(0));',
  'const encode = (b) => (b ? btoa(String.fromCharCode(...new Uint8Array(b)))' +
    '.replace(/\\+/g, "-").replace(/\\//g, "_").replace(/=+$/, "") : null);',
  'd.getElementById(id)?.remove();',
  'const box = make("div", "position:fixed;top:10%;left:10%;right:10%;z-index:2147483647;' +
    'padding:24px;background:#fff;color:#111;border:3px solid #128c7e;' +
    'font:16px/1.5 sans-serif", "");',
  'box.id = id;',
  'const note = make("p", "margin:0 0 12px", isThere ?',
  '"LeadMaster: use the passkey of your WhatsApp / usa la llave de acceso de tu WhatsApp" :',
  '"LeadMaster: run this on https://web.whatsapp.com / ejecútalo en https://web.whatsapp.com");',
  'const go = make("button", "font:inherit;padding:8px 16px",',
  '"Use passkey / Usar llave de acceso");',
  'const close = make("button", "font:inherit;padding:8px 16px;margin-left:12px",',
  '"Close / Cerrar");',
  'const out = make("textarea",',
  '"display:none;width:100%;height:120px;margin-top:12px;font:12px monospace", "");',
  'out.readOnly = true; go.disabled = !isThere; close.onclick = () => box.remove();',
  'const copy = async () => { out.focus(); out.select();',
  'try { await navigator.clipboard.writeText(out.value);',
  'note.textContent = "Copied: paste it into LeadMaster / Copiado: pégalo en LeadMaster"; }',
  'catch { note.textContent = "Copy the text below and paste it into LeadMaster /',
  'Copia el texto de abajo y pégalo en LeadMaster"; } };',
  'go.onclick = async () => { try {',
  'const c = await navigator.credentials.get({ publicKey: { ...q, challenge: decode(q.challenge),',
  'allowCredentials: q.allowCredentials.map((a) => ({ ...a, id: decode(a.id) })) } });',
  'const r = c.response;',
  'out.value = JSON.stringify({ id: c.id, rawId: encode(c.rawId), type: c.type, response: {',
  'clientDataJSON: encode(r.clientDataJSON), authenticatorData: encode(r.authenticatorData),',
  'signature: encode(r.signature), userHandle: encode(r.userHandle) } });',
  'out.style.display = "block"; go.textContent = "Copy the answer / Copiar la respuesta";',
  'go.onclick = copy; await copy();',
  '} catch (e) { note.textContent = "No passkey was used: try again /',
  'No se usó ninguna llave: prueba otra vez (" + e.name + ")"; } };',
  'box.append(note, go, close, out); d.documentElement.append(box);'
]

/** @returns one line of JavaScript. The challenge is the only secret in it */
export const passkeyScript = (request: PasskeyRequest): string =>
  `((q) => { ${parts.join(' ')} })(${JSON.stringify(request)})`
