import { Line } from './agent/doctor/line.ts';
import { Search } from './agent/doctor/search.ts';
import { Recognition } from './agent/doctor/recognise.ts';
import { MODELS } from './agent/meters/catalogue.ts';
const t0=performance.now();
const line = await Line.openSerial(process.argv[2]!, new AbortController().signal);
try {
const {found, searched} = await new Search(line, {models: MODELS}).run();
console.log(JSON.stringify({found, searched}));
if (found) { const r = await new Recognition(line, found.unit, found.settings).among(MODELS); console.log(r.candidates.map(c=>c.name), r.isCertain, r.because); }
} catch (e) { console.log(String(e)); }
await line.close(); console.log(performance.now()-t0);
process.exit(0)
