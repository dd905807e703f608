package pushd

import "context"

// Actor is who does something: the name of an API key, or the instance of a
// process. It holds no secret.
type Actor string

type actorKey struct{}

// ActedBy is ctx for what a does. The ledger writes down who did what.
func ActedBy(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorOf is who acts in ctx; "" is unknown.
func ActorOf(ctx context.Context) Actor {
	a, _ := ctx.Value(actorKey{}).(Actor)
	return a
}
