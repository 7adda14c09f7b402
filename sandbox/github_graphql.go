package sandbox

var graphRoutes = []route{
	{"POST /graphql", "read", graphql},
	{"POST /api/graphql", "read", graphql},
}

func graphql(c *call) reply {
	return ok(object{"data": object{}})
}
