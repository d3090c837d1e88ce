/*
 * ! The client of the release before, with eventsource-parser (MIT). Made of commit bad7b8b by
 * test/consumer/release-before/make.ts. Do not edit.
 */
var routes={getHealth:"GET /health",getReadiness:"GET /ready",getMetrics:"GET /metrics",getOpenApi:"GET /openapi.json",signIn:"\
POST /api/sign-in",signOut:"POST /api/sign-out",listLeads:"GET /api/leads",exportLeadsCsv:"GET /api/leads.csv",exportLeadsJsonl:"\
GET /api/leads.jsonl",importLeads:"POST /api/leads/import",getLead:"GET /api/leads/:id",patchLead:"PATCH /api/leads/:id",
deleteLead:"DELETE /api/leads/:id",readLead:"POST /api/leads/:id/read",mergeLead:"POST /api/leads/:id/merge",listLeadChanges:"\
GET /api/leads/:id/history",listLeadMessages:"GET /api/leads/:id/messages",listTags:"GET /api/tags",listDeletions:"GET /\
api/deletions",getStats:"GET /api/stats",listMessages:"GET /api/messages",exportMessagesCsv:"GET /api/messages.csv",exportMessagesJsonl:"\
GET /api/messages.jsonl",getMedia:"GET /api/messages/:id/media",streamEvents:"GET /api/events",listWebhooks:"GET /api/we\
bhooks",createWebhook:"POST /api/webhooks",getWebhook:"GET /api/webhooks/:id",patchWebhook:"PATCH /api/webhooks/:id",deleteWebhook:"\
DELETE /api/webhooks/:id",rotateWebhookSecret:"POST /api/webhooks/:id/rotate-secret",pingWebhook:"POST /api/webhooks/:id\
/ping",listDeliveries:"GET /api/webhooks/:id/deliveries",replayDelivery:"POST /api/webhooks/:id/deliveries/:delivery_id/\
replay",replayDeadDeliveries:"POST /api/webhooks/:id/replay",listAccounts:"GET /api/whatsapp/accounts",getStatus:"GET /a\
pi/whatsapp/status",getQr:"GET /api/whatsapp/qr",getQrPng:"GET /api/whatsapp/qr.png",getQrSvg:"GET /api/whatsapp/qr.svg",
getQrText:"GET /api/whatsapp/qr.txt",connect:"POST /api/whatsapp/connect",disconnect:"POST /api/whatsapp/disconnect",requestPairingCode:"\
POST /api/whatsapp/pairing-code",getAccountStatus:"GET /api/whatsapp/accounts/:account/status",getAccountQr:"GET /api/wh\
atsapp/accounts/:account/qr",getAccountQrPng:"GET /api/whatsapp/accounts/:account/qr.png",getAccountQrSvg:"GET /api/what\
sapp/accounts/:account/qr.svg",getAccountQrText:"GET /api/whatsapp/accounts/:account/qr.txt",connectAccount:"POST /api/w\
hatsapp/accounts/:account/connect",disconnectAccount:"POST /api/whatsapp/accounts/:account/disconnect",requestAccountPairingCode:"\
POST /api/whatsapp/accounts/:account/pairing-code"};var LeadMasterError=class extends Error{name="LeadMasterError";type;status;errors;problem;requestId;retryAfterS;constructor(message,facts){
super(message,{cause:facts.cause}),this.type=facts.type,this.status=facts.status??0,this.problem=facts.problem,this.errors=
facts.problem?.errors??[],this.requestId=facts.headers?.get("x-request-id")??void 0;let seconds=facts.headers?.get("retr\
y-after")??"";this.retryAfterS=/^\d+$/.test(seconds)?Number(seconds):void 0}},prefix="urn:leadmaster:problem:",isProblem=body=>typeof body==
"object"&&body!==null&&"type"in body&&typeof body.type=="string"&&body.type.startsWith(prefix),errorOf=async res=>{let{status,
headers}=res,body=await res.json().catch(()=>{});return isProblem(body)?new LeadMasterError(body.detail??body.title,{type:body.
type.slice(prefix.length),status,problem:body,headers}):new LeadMasterError(`the answer is ${status}, and no problem of \
LeadMaster's`,{type:"unexpected-answer",status,headers})};var ParseError=class extends Error{constructor(message,options){super(message),this.name="ParseError",this.type=options.
type,this.field=options.field,this.value=options.value,this.line=options.line}};var LF=10,CR=13,SPACE=32,MAX_FIELD_PREFIX_LENGTH=6;function createParser(config){if(typeof config=="function")throw new TypeError(
"`config` must be an object, got a function instead. Did you mean `createParser({onEvent: fn})`?");let{maxBufferSize,onComment,
onError,onEvent,onId,onRetry}=config,pendingFragments=[],pendingFragmentsLength=0,bomPrefix="",id,data="",dataLines=0,eventType,
terminated=!1,skippingLine=!1,skipNextLineFeed=!1;function feed(chunk){if(terminated)throw new Error("Cannot feed parser\
: it was terminated after exceeding the configured max buffer size. Call `reset()` to resume parsing.");if(bomPrefix!==void 0){
if(chunk=bomPrefix+chunk,chunk===""||chunk==="\xEF"||chunk==="\xEF\xBB"){bomPrefix=chunk;return}bomPrefix=void 0,chunk=chunk.
replace(/^(?:\uFEFF|\xEF\xBB\xBF)/,"")}if((skippingLine||skipNextLineFeed)&&(chunk=resumeAfterSkip(chunk),!chunk))return;
if(!pendingFragments.length){let trailing=processLines(chunk);trailing!==""&&storeTrailing(trailing),checkForBufferOverflow();
return}if(chunk.indexOf(`
`)===-1&&chunk.indexOf("\r")===-1){if(pendingFragmentsLength<MAX_FIELD_PREFIX_LENGTH){let head=pendingFragments.join("")+
chunk.slice(0,MAX_FIELD_PREFIX_LENGTH-pendingFragmentsLength);if(!shouldBufferTrailing(head)){pendingFragments.length=0,
pendingFragmentsLength=0,skippingLine=!0;return}}pendingFragments.push(chunk),pendingFragmentsLength+=chunk.length,checkForBufferOverflow();
return}pendingFragments.push(chunk);let input=pendingFragments.join("");pendingFragments.length=0,pendingFragmentsLength=
0,storeTrailing(processLines(input)),checkForBufferOverflow()}function resumeAfterSkip(chunk){if(chunk.length===0)return chunk;
if(skipNextLineFeed)return skipNextLineFeed=!1,chunk.charCodeAt(0)===LF?chunk.slice(1):chunk;let crIndex=chunk.indexOf("\
\r"),lfIndex=chunk.indexOf(`
`),lineEnd=crIndex===-1?lfIndex:lfIndex===-1||crIndex<lfIndex?crIndex:lfIndex;return lineEnd===-1?"":lineEnd===chunk.length-
1&&chunk.charCodeAt(lineEnd)===CR?(skippingLine=!1,skipNextLineFeed=!0,""):(skippingLine=!1,chunk.slice(lineEnd+(chunk.charCodeAt(
lineEnd)===CR&&chunk.charCodeAt(lineEnd+1)===LF?2:1)))}function storeTrailing(trailing){if(trailing){if(trailing.charCodeAt(
trailing.length-1)===CR){if(parseLine(trailing,0,trailing.length-1),checkForBufferOverflow())return;skipNextLineFeed=!0;
return}if(shouldBufferTrailing(trailing)){pendingFragments.push(trailing),pendingFragmentsLength=trailing.length;return}
skippingLine=!0}}function shouldBufferTrailing(trailing){let firstCharCode=trailing.charCodeAt(0);return firstCharCode===
58&&!!onComment||firstCharCode===100&&isPotentialField(trailing,"data")||firstCharCode===101&&isPotentialField(trailing,
"event")||firstCharCode===105&&isPotentialField(trailing,"id")||firstCharCode===114&&isPotentialField(trailing,"retry")}
function checkForBufferOverflow(){return terminated?!0:maxBufferSize===void 0||pendingFragmentsLength+data.length<=maxBufferSize?
!1:(terminated=!0,pendingFragments.length=0,pendingFragmentsLength=0,id=void 0,data="",dataLines=0,eventType=void 0,skippingLine=
!1,skipNextLineFeed=!1,onError?.(new ParseError(`Buffered data exceeded max buffer size of ${maxBufferSize} characters`,
{type:"max-buffer-size-exceeded"})),!0)}function processLines(chunk){let searchIndex=0;if(chunk.indexOf("\r")===-1){let lfIndex2=chunk.
indexOf(`
`,searchIndex);for(;lfIndex2!==-1;){if(searchIndex===lfIndex2){id!==void 0&&onId?.(id),dataLines>0&&onEvent?.({id,event:eventType,
data}),id=void 0,data="",dataLines=0,eventType=void 0,searchIndex=lfIndex2+1,lfIndex2=chunk.indexOf(`
`,searchIndex);continue}let firstCharCode=chunk.charCodeAt(searchIndex);if(isDataPrefix(chunk,searchIndex,firstCharCode)){
let valueStart=chunk.charCodeAt(searchIndex+5)===SPACE?searchIndex+6:searchIndex+5,value=chunk.slice(valueStart,lfIndex2);
if(dataLines===0&&chunk.charCodeAt(lfIndex2+1)===LF){id!==void 0&&onId?.(id),onEvent?.({id,event:eventType,data:value}),
id=void 0,data="",eventType=void 0,searchIndex=lfIndex2+2,lfIndex2=chunk.indexOf(`
`,searchIndex);continue}data=dataLines===0?value:`${data}
${value}`,dataLines++}else isEventPrefix(chunk,searchIndex,firstCharCode)?eventType=chunk.slice(chunk.charCodeAt(searchIndex+
6)===SPACE?searchIndex+7:searchIndex+6,lfIndex2)||void 0:parseLine(chunk,searchIndex,lfIndex2);if(checkForBufferOverflow())
return"";searchIndex=lfIndex2+1,lfIndex2=chunk.indexOf(`
`,searchIndex)}return chunk.slice(searchIndex)}let crIndex=chunk.indexOf("\r",searchIndex),lfIndex=chunk.indexOf(`
`,searchIndex);for(;searchIndex<chunk.length;){let lineEnd=-1;if(crIndex!==-1&&lfIndex!==-1?lineEnd=crIndex<lfIndex?crIndex:
lfIndex:crIndex!==-1?crIndex===chunk.length-1?lineEnd=-1:lineEnd=crIndex:lfIndex!==-1&&(lineEnd=lfIndex),lineEnd===-1)break;
if(parseLine(chunk,searchIndex,lineEnd),checkForBufferOverflow())return"";searchIndex=lineEnd+1,chunk.charCodeAt(searchIndex-
1)===CR&&chunk.charCodeAt(searchIndex)===LF&&searchIndex++,crIndex!==-1&&crIndex<searchIndex&&(crIndex=chunk.indexOf("\r",
searchIndex)),lfIndex!==-1&&lfIndex<searchIndex&&(lfIndex=chunk.indexOf(`
`,searchIndex))}return chunk.slice(searchIndex)}function parseLine(chunk,start,end){if(start===end){dispatchEvent();return}
let firstCharCode=chunk.charCodeAt(start);if(isDataPrefix(chunk,start,firstCharCode)){let valueStart=chunk.charCodeAt(start+
5)===SPACE?start+6:start+5,value2=chunk.slice(valueStart,end);data=dataLines===0?value2:`${data}
${value2}`,dataLines++;return}if(isEventPrefix(chunk,start,firstCharCode)){eventType=chunk.slice(chunk.charCodeAt(start+
6)===SPACE?start+7:start+6,end)||void 0;return}if(firstCharCode===105&&chunk.charCodeAt(start+1)===100&&chunk.charCodeAt(
start+2)===58){let value2=chunk.slice(chunk.charCodeAt(start+3)===SPACE?start+4:start+3,end);value2.includes("\0")||(id=
value2);return}if(firstCharCode===58){if(onComment){let line2=chunk.slice(start,end);onComment(line2.slice(chunk.charCodeAt(
start+1)===SPACE?2:1))}return}let line=chunk.slice(start,end),fieldSeparatorIndex=line.indexOf(":");if(fieldSeparatorIndex===
-1){processField(line,"",line);return}let field=line.slice(0,fieldSeparatorIndex),offset=line.charCodeAt(fieldSeparatorIndex+
1)===SPACE?2:1,value=line.slice(fieldSeparatorIndex+offset);processField(field,value,line)}function processField(field,value,line){
switch(field){case"event":eventType=value||void 0;break;case"data":data=dataLines===0?value:`${data}
${value}`,dataLines++;break;case"id":value.includes("\0")||(id=value);break;case"retry":/^\d+$/.test(value)?onRetry?.(parseInt(
value,10)):onError?.(new ParseError(`Invalid \`retry\` value: "${value}"`,{type:"invalid-retry",value,line}));break;default:
onError?.(new ParseError(`Unknown field "${field.length>20?`${field.slice(0,20)}\u2026`:field}"`,{type:"unknown-field",field,
value,line}));break}}function dispatchEvent(){id!==void 0&&onId?.(id),dataLines>0&&onEvent?.({id,event:eventType,data}),
id=void 0,data="",dataLines=0,eventType=void 0}function reset(options={}){if(options.consume&&pendingFragments.length>0){
let incompleteLine=pendingFragments.join("");parseLine(incompleteLine,0,incompleteLine.length)}bomPrefix="",id=void 0,data=
"",dataLines=0,eventType=void 0,pendingFragments.length=0,pendingFragmentsLength=0,terminated=!1,skippingLine=!1,skipNextLineFeed=
!1}return{feed,reset}}function isDataPrefix(chunk,i,firstCharCode){return firstCharCode===100&&chunk.charCodeAt(i+1)===97&&
chunk.charCodeAt(i+2)===116&&chunk.charCodeAt(i+3)===97&&chunk.charCodeAt(i+4)===58}function isEventPrefix(chunk,i,firstCharCode){
return firstCharCode===101&&chunk.charCodeAt(i+1)===118&&chunk.charCodeAt(i+2)===101&&chunk.charCodeAt(i+3)===110&&chunk.
charCodeAt(i+4)===116&&chunk.charCodeAt(i+5)===58}function isPotentialField(line,field){let i=1;for(;i<line.length&&i<field.
length;){if(line.charCodeAt(i)!==field.charCodeAt(i))return!1;i++}return line.length<=field.length||line.charCodeAt(field.
length)===58}var leastDelayMs=1,isSendable=id=>/^[\x20-\x7e]*$/.test(id),types=["message","lead","lead_removed","session","reset","en\
d"],mayPass=error=>!(error instanceof LeadMasterError)||error.status===0||error.status===408||error.status===429||error.
status>=500,delay=(ms,signal)=>new Promise(resolve=>{let done=()=>{clearTimeout(timer),signal.removeEventListener("abort",
done),resolve()},timer=setTimeout(done,ms);signal.addEventListener("abort",done),signal.aborted&&done()});async function*read(res,alive,onRetry){
let arrived=[],parser=createParser({onEvent:event=>{arrived.push(event)},onRetry}),decoder=new TextDecoder,reader=res.body.
getReader();try{for(;;){alive();let{done,value}=await reader.read();if(done)return;parser.feed(decoder.decode(value,{stream:!0})),
yield*arrived.splice(0)}}finally{reader.cancel().catch(()=>{})}}async function*followEvents(request,options={}){let{signal=new AbortController().
signal,onConnection,stallMs=4e4,maxDelayMs=3e4}=options,{minDelayMs=1e3}=options,last=options.after,failures=0;for(;!signal.
aborted;){let connection=new AbortController,stop=()=>connection.abort(signal.reason);signal.addEventListener("abort",stop);
let stall,alive=()=>{clearTimeout(stall),stall=setTimeout(()=>connection.abort(new LeadMasterError(`nothing came for ${stallMs}\
 ms`,{type:"unreachable"})),stallMs)},error;try{onConnection?.({state:"connecting"}),alive();let headers={accept:"text/e\
vent-stream",...last===void 0?{}:{"last-event-id":last}},res=await request("/api/events",{method:"GET",headers,signal:connection.
signal});onConnection?.({state:"open"});for await(let event of read(res,alive,ms2=>minDelayMs=Math.max(leastDelayMs,ms2)))
clearTimeout(stall),failures=0,event.id!==void 0&&isSendable(event.id)&&(last=event.id),types.includes(event.event??"")&&
(yield{id:last??"",type:event.event,data:JSON.parse(event.data)})}catch(caught){error=caught}finally{clearTimeout(stall),
signal.removeEventListener("abort",stop),connection.abort()}if(signal.aborted)return;if(error!==void 0&&!mayPass(error))
throw error;let asked=error instanceof LeadMasterError?(error.retryAfterS??0)*1e3:0,longest=Math.min(maxDelayMs,minDelayMs*
2**failures),ms=Math.max(asked,longest*(.5+Math.random()/2));failures+=1,onConnection?.({state:"waiting",ms,error}),await delay(
ms,signal)}}var createRequest=options=>{let{token,credentials}=options,base=(options.baseUrl??"").replace(/\/+$/,""),send=options.fetch??
((...args)=>fetch(...args));return async(path,{headers,...init})=>{let res=await send(base+path,{...init,headers:{...token===
void 0?{}:{authorization:`Bearer ${token}`},...headers},...credentials===void 0?{}:{credentials}}).catch(cause=>{throw init.
signal?.aborted?cause:new LeadMasterError(`nobody answers at ${base||"this origin"}`,{type:"unreachable",cause})});if(res.
status>=400)throw await errorOf(res);return res}};var raw={getMetrics:!0,exportLeadsCsv:!0,exportLeadsJsonl:!0,exportMessagesCsv:!0,exportMessagesJsonl:!0,getMedia:!0,getQrPng:!0,
getQrSvg:!0,getQrText:!0,getAccountQrPng:!0,getAccountQrSvg:!0,getAccountQrText:!0},etags=new WeakMap,etagOf=answer=>etags.
get(answer),matching=ifMatch=>{let etag=typeof ifMatch=="string"?ifMatch:etagOf(ifMatch);if(etag===void 0)throw new TypeError(
"ifMatch: give the very object that a call answered with, or the ETag that etagOf() gave for it");return etag},target=(pattern,{
body:_body,contentType:_type,...input})=>{let path=pattern.replace(/:(\w+)/g,(_all,name)=>{let value=String(input[name]??
"");if(delete input[name],value===""||value==="."||value==="..")throw new TypeError(`${name}: expected something that ca\
n stand in a path`);return encodeURIComponent(value)}),query=new URLSearchParams;for(let[name,value]of Object.entries(input))
value!==void 0&&query.set(name,String(value));return query.size>0?`${path}?${query}`:path},toInit=(method,{body,contentType},{
signal,idempotencyKey,ifMatch,requestId})=>({method,headers:{...body===void 0?{}:{"content-type":contentType??"applicati\
on/json"},...idempotencyKey===void 0?{}:{"idempotency-key":idempotencyKey},...ifMatch===void 0?{}:{"if-match":matching(ifMatch)},
...requestId===void 0?{}:{"x-request-id":requestId}},...body===void 0?{}:{body:contentType===void 0?JSON.stringify(body):
body},...signal===void 0?{}:{signal}}),readJson=async(res,signal)=>{if(res.status===204)return;let{status,headers}=res,body=await res.
json().catch(cause=>{throw signal?.aborted?cause:new LeadMasterError("the answer is not JSON, or was cut off",{type:"une\
xpected-answer",status,headers,cause})}),etag=headers.get("etag");return etag!==null&&typeof body=="object"&&body!==null&&
etags.set(body,etag),body},createClient=(options={})=>{let request=createRequest(options),call=async(id,input={},callOptions={})=>{
let[method="",pattern=""]=routes[id].split(" "),res=await request(target(pattern,input),toInit(method,input,callOptions));
return id in raw?res:readJson(res,callOptions.signal)},ids=Object.keys(routes);return{...Object.fromEntries(ids.map(id=>[
id,(input,callOptions)=>call(id,input,callOptions)])),events:eventOptions=>followEvents(request,eventOptions)}};async function*pages(list,input){
let page=await list(input);for(yield page;page.next_cursor!==null;)page=await list({...input,cursor:page.next_cursor}),yield page}export{LeadMasterError,createClient,etagOf,pages};
