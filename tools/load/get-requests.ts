/** GET requests that an API has served since its start, from its own metrics: what polling would show in. */
export async function countGetRequests(adminUrl: string): Promise<number> {
  const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
  const counts = metrics.matchAll(
    /^http_server_request_duration_seconds_count\{[^}]*method="GET"[^}]*\} (\d+)/gm,
  );
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}
