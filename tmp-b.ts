import { usualEvents } from './bench/events/generate.ts'
import { AUDIT_EVENT_SCHEMA } from './schemas/generated/audit-event.ts'
import { ReferenceReader } from './schemas/reference-reader.ts'
import { compileSkipper } from './schemas/skip.ts'
const s = compileSkipper(AUDIT_EVENT_SCHEMA), r = new ReferenceReader(AUDIT_EVENT_SCHEMA)
const ev=[...usualEvents({seed:1,count:2000})]
const run=(f:(b:Buffer)=>void)=>{const t=performance.now();for(let k=0;k<100;k++)for(const b of ev)f(b);return ((performance.now()-t)/200000*1000).toFixed(3)}
for(let i=0;i<6;i++)console.log(run(b=>s.check(b,0,b.length)),run(b=>r.isEvent(b,0,b.length)), ev.reduce((a,b)=>a+b.length,0)/2000)
