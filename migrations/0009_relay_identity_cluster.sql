-- A topic of the same name in another cluster is not one that was created again: what the old one holds is still there. Null until a
-- relay has seen the cluster.
ALTER TABLE relay_identity ADD COLUMN cluster_id text;
COMMENT ON COLUMN relay_identity.cluster_id IS 'Id of the Kafka cluster of the topic; another one is another cluster, and nothing is published there.';
