import * as v from 'valibot';

/** Name of a control plane: it is part of object keys, URL paths, metric dimensions and resource names. */
export const controlPlaneName = v.pipe(
  v.string(),
  v.regex(
    /^[a-z0-9-]{1,40}$/,
    'a control plane name has 1 to 40 characters out of a-z, 0-9 and "-", for example "prod"',
  ),
);

/** Full version of a Kong data plane (`3.9.1`; Enterprise has four parts: `3.9.1.2`). */
export const kongVersion = v.pipe(
  v.string(),
  v.regex(
    /^(0|[1-9]\d{0,3})(\.(0|[1-9]\d{0,3})){2,3}$/,
    'a data plane version is a full Kong version, for example "3.9.1" (see `kong version`)',
  ),
);
