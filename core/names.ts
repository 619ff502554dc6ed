import * as v from 'valibot';

/** Name of a control plane: it is part of object keys, URL paths, metric dimensions and resource names. */
export const controlPlaneName = v.pipe(
  v.string(),
  v.regex(
    /^[a-z0-9-]{1,40}$/,
    'a control plane name has 1 to 40 characters out of a-z, 0-9 and "-", for example "prod"',
  ),
);

/**
 * Id of an object's version, as S3 makes them: opaque, ready for URLs, up to 1,024 bytes (S3 User Guide,
 * "Version IDs").
 */
export const objectVersionId = v.pipe(
  v.string(),
  v.regex(
    /^[\w.~-]{1,1024}$/,
    'a version id of S3 is expected: up to 1,024 letters, digits and "-", "_", ".", "~"',
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
