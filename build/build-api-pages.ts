import { makeDeclarations } from './declarations.ts';
import { writeApiPages } from './write-api-pages.ts';

/** `npm run docs:api`: the pages of docs/api/, from the comments of what the package exports. */
await writeApiPages((await makeDeclarations()).api);
