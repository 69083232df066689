package ductilegrpc_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	tpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/retry"
)

func fine(context.Context, *tpb.SimpleRequest) (*tpb.SimpleResponse, error) {
	return named("fine"), nil
}

func TestEventsHaveTheNameOfTheConfigUnlessTheirPipelineHasOne(t *testing.T) {
	own := pipeline.New[*ductilegrpc.Reply](retry.New[*ductilegrpc.Reply](retry.Config{}))
	for want, c := range map[string]struct {
		cfg     ductilegrpc.Config
		options []grpc.CallOption
	}{
		"grpc":   {ductilegrpc.Config{}, nil},
		"stripe": {ductilegrpc.Config{Circuit: breaker.NewCircuit(breaker.Config{Name: "stripe"})}, nil},
		"carts":  {ductilegrpc.Config{Name: "carts", Pipeline: own}, nil},
		"items":  {ductilegrpc.Config{Name: "items"}, []grpc.CallOption{ductilegrpc.WithPipeline(own)}},
		"own":    {ductilegrpc.Config{Name: "carts", Pipeline: own.WithName("own")}, nil},
	} {
		rec := fake.NewRecorder()
		c.cfg.Observer = rec.Observe
		api := client(t, &service{unary: fine, stream: func(*tpb.StreamingOutputCallRequest, output) error { return nil }}, c.cfg)
		_, err := api.UnaryCall(t.Context(), &tpb.SimpleRequest{}, c.options...)
		require.NoError(t, err)
		require.NotEmpty(t, rec.Events())
		s, err := api.StreamingOutputCall(t.Context(), &tpb.StreamingOutputCallRequest{}, c.options...)
		require.NoError(t, err)
		_, _ = s.Recv()
		for _, e := range rec.Events() {
			assert.Equal(t, want, e.Pipeline, "%s", e.Kind)
		}
	}
}
