import type { Manner } from './manners.ts';

/** What a run of the listener has to tell. */
export type ListenerEvent =
  | { readonly what: 'listening'; readonly manner: Manner }
  | { readonly what: 'rung'; readonly configHash: string | undefined }
  | { readonly what: 'not rung'; readonly error: unknown }
  | { readonly what: 'not listening'; readonly error: unknown };
