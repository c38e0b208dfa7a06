import { GENERATED_FILES, generateAll } from './generated-files.ts';

await generateAll();
console.log(`generated ${GENERATED_FILES.join(', ')}`);
