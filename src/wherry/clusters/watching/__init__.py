"""What is seen of clusters: kept fresh by watches, small in memory, honest about since when it is stale."""
