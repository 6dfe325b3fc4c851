package main

import (
	"encoding/json"
	"fmt"

	cmtjson "github.com/cometbft/cometbft/libs/json"
	cmttypes "github.com/cometbft/cometbft/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
)

// overrides merges the spec's params and its genesis_patch.
func (g *genesis) overrides() error {
	for module, params := range g.spec.Params {
		if err := g.merge(module, map[string]any{"params": params}); err != nil {
			return fmt.Errorf("params.%s: %w", module, err)
		}
	}
	for module, patch := range g.spec.GenesisPatch {
		object, ok := patch.(map[string]any)
		if !ok {
			return fmt.Errorf("genesis_patch.%s is not a mapping", module)
		}
		if err := g.merge(module, object); err != nil {
			return fmt.Errorf("genesis_patch.%s: %w", module, err)
		}
	}
	// Unknown names and values of a wrong type fail here, and so does what a module refuses.
	return validateGenesis(g.app, g.state)
}

func (g *genesis) merge(module string, patch map[string]any) error {
	raw, ok := g.state[module]
	if !ok {
		return fmt.Errorf("no such module")
	}
	var base map[string]any
	if err := json.Unmarshal(raw, &base); err != nil {
		return err
	}
	merged, err := json.Marshal(mergeJSON(base, patch))
	g.state[module] = merged
	return err
}

// mergeJSON is a JSON merge patch that also reads "5upokt" where the base holds a coin object.
func mergeJSON(base, patch any) any {
	from, ok := base.(map[string]any)
	if !ok {
		return patch
	}
	switch with := patch.(type) {
	case string:
		if _, isCoin := from["denom"]; isCoin {
			if coin, err := sdk.ParseCoinNormalized(with); err == nil {
				return map[string]any{"denom": coin.Denom, "amount": coin.Amount.String()}
			}
		}
	case map[string]any:
		for key, value := range with {
			from[key] = mergeJSON(from[key], value)
		}
		return from
	}
	return patch
}

// mergeConsensusParams merges a partial set (CometBFT's JSON names, 64-bit numbers as strings or numbers).
func mergeConsensusParams(params *cmttypes.ConsensusParams, patch map[string]any) (*cmttypes.ConsensusParams, error) {
	raw, err := cmtjson.Marshal(params)
	if err != nil {
		return nil, err
	}
	var base map[string]any
	if err := json.Unmarshal(raw, &base); err != nil {
		return nil, err
	}
	if raw, err = json.Marshal(mergeJSON(base, stringify(patch))); err != nil {
		return nil, err
	}
	merged := &cmttypes.ConsensusParams{}
	return merged, cmtjson.Unmarshal(raw, merged)
}

// stringify writes integers as strings, which is how CometBFT's JSON wants 64-bit ones.
func stringify(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			v[key] = stringify(inner)
		}
	case int, int64, uint64:
		return fmt.Sprint(v)
	}
	return value
}
