package ductilegrpc_test

import (
	"context"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	tpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilegrpc"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// The code of docs/grpc.md and docs/porting-grpc.md.
func TestTheClientsOfThePagesCall(t *testing.T) {
	circuit, creds := breaker.NewCircuit(breaker.Config{}), plaintext
	for name, dial := range map[string]func(target string) (*grpc.ClientConn, error){
		"one line": func(target string) (*grpc.ClientConn, error) {
			conn, err := grpc.NewClient(target, append(ductilegrpc.DialOptions(ductilegrpc.Config{}), creds)...)
			return conn, err
		},
		"failsafegrpc": func(target string) (*grpc.ClientConn, error) {
			cc, err := grpc.NewClient(target, append(ductilegrpc.DialOptions(ductilegrpc.Config{Pipeline: pipeline.New[*ductilegrpc.Reply](
				retry.New[*ductilegrpc.Reply](retry.Config{}), breaker.New[*ductilegrpc.Reply](circuit),
			)}), creds)...)
			return cc, err
		},
		"go-grpc-middleware": func(target string) (*grpc.ClientConn, error) {
			cc, err := grpc.NewClient(target, append(ductilegrpc.DialOptions(ductilegrpc.Config{
				Retry: retry.Config{MaxAttempts: 3, Backoff: retry.Constant(50 * time.Millisecond)},
			}), creds)...)
			return cc, err
		},
	} {
		_, addr := listen(t, &service{unary: func(context.Context, *tpb.SimpleRequest) (*tpb.SimpleResponse, error) { return named("ada"), nil }})
		cc, err := dial(addr)
		require.NoError(t, err)
		r, err := tpb.NewTestServiceClient(cc).UnaryCall(t.Context(), &tpb.SimpleRequest{})
		require.NoError(t, err, name)
		assert.Equal(t, "ada", r.GetUsername())
		require.NoError(t, cc.Close())
	}
}

func TestTheFallbackOfThePageAnswers(t *testing.T) {
	cfg := ductilegrpc.Config{Pipeline: pipeline.New[*ductilegrpc.Reply](
		policy.FallbackValue(&ductilegrpc.Reply{Message: &tpb.SimpleResponse{Username: "guest"}}),
		retry.New[*ductilegrpc.Reply](retry.Config{}),
	)}
	unary, n := failing(status.Error(codes.NotFound, "no such user"))
	r, err := client(t, &service{unary: unary}, cfg).UnaryCall(t.Context(), &tpb.SimpleRequest{})
	require.NoError(t, err)
	assert.Equal(t, "guest", r.GetUsername())
	assert.EqualValues(t, 1, n.Load())
}

func TestThePageNamesEachField(t *testing.T) {
	text, err := os.ReadFile("../docs/grpc.md")
	require.NoError(t, err)
	client, server, found := strings.Cut(string(text), "\n## Server\n")
	require.True(t, found)
	name := regexp.MustCompile("`(\\w+)`")
	for page, of := range map[string]reflect.Type{
		client: reflect.TypeFor[ductilegrpc.Config](), server: reflect.TypeFor[ductilegrpc.ServerConfig](),
	} {
		named := map[string]bool{}
		for line := range strings.Lines(page) {
			if cell, ok := strings.CutPrefix(line, "| `"); ok { // a row of a table that begins with a field
				cell, _, _ = strings.Cut(cell, " |")
				for _, match := range name.FindAllStringSubmatch("`"+cell, -1) {
					named[match[1]] = true
				}
			}
		}
		want := map[string]bool{}
		for i := range of.NumField() {
			want[of.Field(i).Name] = true
		}
		assert.Equal(t, want, named, of.Name())
	}
}
