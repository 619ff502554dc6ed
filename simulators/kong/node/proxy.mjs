import { request as send } from 'node:http';

/** Routes by `paths`, the longest first, to the service's host, port and path. */
export function proxy(table, request, response) {
  const url = new URL(request.url, 'http://kong');
  const match = matchingRoute(table, url.pathname);
  if (match === undefined) {
    answer(response, 404, 'no Route matched with those values');
    return;
  }
  const { service } = match;
  const upstream = send({
    host: service.host,
    port: service.port,
    method: request.method,
    path: upstreamPath(match, url),
    headers: { ...request.headers, host: `${service.host}:${service.port}`, connection: 'close' },
  });
  upstream.once('error', () =>
    answer(response, 502, 'An invalid response was received from the upstream server'),
  );
  upstream.once('response', (received) => {
    response.writeHead(received.statusCode, received.headers);
    received.pipe(response);
  });
  request.pipe(upstream);
}

function matchingRoute({ routes = [], services = [] }, pathname) {
  return routes
    .flatMap((route) => (route.paths ?? []).map((path) => ({ route, path })))
    .filter(({ path }) => !path.startsWith('~') && pathname.startsWith(path))
    .sort((a, b) => b.path.length - a.path.length)
    .map(({ route, path }) => {
      const id = route.service?.id ?? route.service;
      return { route, path, service: services.find((one) => one.id === id && one.enabled !== false) };
    })
    .find(({ service }) => service !== undefined);
}

/**
 * With `strip_path` the service's path replaces the route's; else it stands before it
 * (kong/router/utils.lua).
 */
function upstreamPath({ route, path, service }, url) {
  const rest = route.strip_path === false ? url.pathname : url.pathname.slice(path.length);
  const base = (service.path ?? '').replace(/\/$/, '');
  return `${base}${rest.startsWith('/') ? '' : '/'}${rest}${url.search}`;
}

function answer(response, status, message) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ message }));
}
