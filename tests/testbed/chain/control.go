package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"sync"
	"time"

	"github.com/cometbft/cometbft/node"
	"github.com/cosmos/cosmos-sdk/client"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/x/authz"
	"github.com/cosmos/gogoproto/proto"
)

// control is the HTTP side channel of a running testbed. It is no part of the chain.
type control struct {
	tb    *Testbed
	pacer *Pacer
	node  *node.Node
	ctx   client.Context

	mu     sync.Mutex
	lastTx time.Time // last timeout timestamp given out: the uniqueness of unordered transactions
}

func (c *control) routes() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, f func(r *http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			value, err := f(r)
			if err != nil {
				w.WriteHeader(http.StatusBadRequest)
				value = map[string]string{"error": err.Error()}
			}
			_ = json.NewEncoder(w).Encode(value)
		})
	}
	handle("GET /state", func(*http.Request) (any, error) { return c.state(), nil })
	handle("GET /accounts", func(*http.Request) (any, error) { return c.tb.Accounts, nil })
	handle("POST /pause", func(*http.Request) (any, error) { c.pacer.pause(); return c.state(), nil })
	handle("POST /resume", func(*http.Request) (any, error) { c.pacer.resume(); return c.state(), nil })
	// POST /block-time?d=300ms
	handle("POST /block-time", func(r *http.Request) (any, error) {
		d, err := time.ParseDuration(r.URL.Query().Get("d"))
		if err != nil {
			return nil, err
		}
		c.pacer.setInterval(d)
		return c.state(), nil
	})
	// POST /advance?n=5 makes n blocks as fast as the machine can, also while paused; returns when they are committed.
	// POST /advance?to=120 goes to that height.
	handle("POST /advance", c.advance)
	// POST /tx?from=NAME[&as_authority=1][&gas=N][&fee=1upokt][&memo=...][&timeout=10s]
	handle("POST /tx", c.tx)
	// GET|POST /params/shared: the live params; a body of some of them sets those through the authority.
	handle("GET /params/{module}", func(r *http.Request) (any, error) { return c.params(r.PathValue("module")) })
	handle("POST /params/{module}", c.setParams)
	return mux
}

// state tells the height that queries and block results have reached; the block store may be one ahead for a moment.
func (c *control) state() any {
	paused, interval := c.pacer.state()
	return map[string]any{
		"height": c.appHeight(), "paused": paused, "block_time_ms": interval.Milliseconds(),
		"chain_id": c.tb.ChainID, "gov_address": c.tb.GovAddress, "mempool_txs": c.node.Mempool().Size(),
	}
}

func (c *control) advance(r *http.Request) (any, error) {
	height := c.node.BlockStore().Height()
	target := height
	if to := r.URL.Query().Get("to"); to != "" {
		n, err := strconv.ParseInt(to, 10, 64)
		if err != nil {
			return nil, err
		}
		target = n
	} else {
		n, err := strconv.ParseInt(r.URL.Query().Get("n"), 10, 64)
		if err != nil {
			return nil, err
		}
		target += n
	}
	if target > height {
		c.pacer.advance(int(target - height))
	}
	for c.appHeight() < target {
		select {
		case <-r.Context().Done():
			return nil, r.Context().Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return c.state(), nil
}

// appHeight is the height that queries see.
func (c *control) appHeight() int64 {
	info, err := c.ctx.Client.ABCIInfo(context.Background())
	if err != nil {
		return 0
	}
	return info.Response.LastBlockHeight
}

// params reads a module's live params as JSON.
func (c *control) params(module string) (map[string]any, error) {
	kind := proto.MessageType("pocket." + module + ".QueryParamsResponse")
	if kind == nil {
		return nil, fmt.Errorf("no module %q", module)
	}
	response, ok := reflect.New(kind.Elem()).Interface().(proto.Message)
	if !ok {
		return nil, fmt.Errorf("no module %q", module)
	}
	raw, _, err := c.ctx.QueryWithData("/pocket."+module+".Query/Params", nil)
	if err != nil {
		return nil, err
	}
	if err := proto.Unmarshal(raw, response); err != nil {
		return nil, err
	}
	if raw, err = c.ctx.Codec.MarshalJSON(response); err != nil {
		return nil, err
	}
	var decoded struct {
		Params map[string]any `json:"params"`
	}
	return decoded.Params, json.Unmarshal(raw, &decoded)
}

// setParams sends one MsgUpdateParams with the live params and the body merged into them.
func (c *control) setParams(r *http.Request) (any, error) {
	module := r.PathValue("module")
	current, err := c.params(module)
	if err != nil {
		return nil, err
	}
	var patch map[string]any
	if err := json.NewDecoder(r.Body).Decode(&patch); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(map[string]any{
		"@type": "/pocket." + module + ".MsgUpdateParams", "authority": c.tb.GovAddress, "params": mergeJSON(current, patch),
	})
	if err != nil {
		return nil, err
	}
	var msg sdk.Msg
	if err := c.ctx.Codec.UnmarshalInterfaceJSON(raw, &msg); err != nil {
		return nil, err
	}
	account, ok := c.tb.find(c.tb.Authority)
	if !ok {
		return nil, fmt.Errorf("the spec names no authority")
	}
	grantee, err := sdk.AccAddressFromBech32(account.Address)
	if err != nil {
		return nil, err
	}
	exec := authz.NewMsgExec(grantee, []sdk.Msg{msg})
	return c.send(r.Context(), account.Name, []sdk.Msg{&exec}, "", r.URL.Query().Get("fee"), "", r.URL.Query().Get("timeout"))
}
