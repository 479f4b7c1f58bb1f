/** Standard headers that an object keeps and is answered with (Amazon S3 API reference, "PutObject"). */
export const CONTENT_HEADERS: readonly string[] = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
]
