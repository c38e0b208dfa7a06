/** GET requests that an API has served since its start, from its own metrics: what polling would show in. */
export async function countGetRequests(adminUrl: string, token?: () => Promise<string>): Promise<number> {
  const headers = token && { authorization: `Bearer ${await token()}` };
  const answer = await fetch(`${adminUrl}/metrics`, { ...(headers && { headers }) });
  if (!answer.ok) throw new Error(`metrics of the API: ${answer.status}`);
  const metrics = await answer.text();
  const counts = metrics.matchAll(
    /^http_server_request_duration_seconds_count\{[^}]*method="GET"[^}]*\} (\d+)/gm,
  );
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}
