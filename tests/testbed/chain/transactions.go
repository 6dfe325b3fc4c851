package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	clienttx "github.com/cosmos/cosmos-sdk/client/tx"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/tx/signing"
	authsigning "github.com/cosmos/cosmos-sdk/x/auth/signing"
	"github.com/cosmos/cosmos-sdk/x/authz"
)

// tx signs the messages of the body (one JSON message or an array of them, each with its "@type") as an unordered
// transaction and waits for its block.
func (c *control) tx(r *http.Request) (any, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var list []json.RawMessage
	if trimmed := strings.TrimSpace(string(body)); strings.HasPrefix(trimmed, "{") {
		list = []json.RawMessage{json.RawMessage(trimmed)}
	} else if err := json.Unmarshal(body, &list); err != nil {
		return nil, err
	}
	var msgs []sdk.Msg
	for _, raw := range list {
		var msg sdk.Msg
		if err := c.ctx.Codec.UnmarshalInterfaceJSON(raw, &msg); err != nil {
			return nil, err
		}
		msgs = append(msgs, msg)
	}
	q := r.URL.Query()
	from := q.Get("from")
	if asAuthority := q.Get("as_authority") != ""; asAuthority {
		if from == "" {
			from = c.tb.Authority
		}
		account, ok := c.tb.find(from)
		if !ok {
			return nil, fmt.Errorf("the spec names no authority")
		}
		grantee, err := sdk.AccAddressFromBech32(account.Address)
		if err != nil {
			return nil, err
		}
		exec := authz.NewMsgExec(grantee, msgs)
		msgs = []sdk.Msg{&exec}
	}
	return c.send(r.Context(), from, msgs, q.Get("gas"), q.Get("fee"), q.Get("memo"), q.Get("timeout"))
}

func (c *control) send(ctx context.Context, from string, msgs []sdk.Msg, gas, fee, memo, timeout string) (any, error) {
	account, ok := c.tb.find(from)
	if !ok || account.key() == nil {
		return nil, fmt.Errorf("no key for account %q", from)
	}
	address, err := sdk.AccAddressFromBech32(account.Address)
	if err != nil {
		return nil, err
	}
	number, _, err := c.ctx.AccountRetriever.GetAccountNumberSequence(c.ctx, address)
	if err != nil {
		return nil, err
	}
	gasLimit, wait := uint64(2_000_000), 30*time.Second
	if gas != "" {
		if gasLimit, err = strconv.ParseUint(gas, 10, 64); err != nil {
			return nil, err
		}
	}
	if timeout != "" {
		if wait, err = time.ParseDuration(timeout); err != nil {
			return nil, err
		}
	}
	builder := c.ctx.TxConfig.NewTxBuilder()
	if err := builder.SetMsgs(msgs...); err != nil {
		return nil, err
	}
	builder.SetGasLimit(gasLimit)
	builder.SetMemo(memo)
	coins, err := c.fee(fee, gasLimit)
	if err != nil {
		return nil, err
	}
	builder.SetFeeAmount(coins)
	builder.SetUnordered(true)
	builder.SetTimeoutTimestamp(c.timeoutTimestamp())

	// The signer's info is part of what is signed, so it goes in first, without a signature.
	key := account.key()
	empty := signing.SignatureV2{PubKey: key.PubKey(), Data: &signing.SingleSignatureData{SignMode: signing.SignMode_SIGN_MODE_DIRECT}}
	if err := builder.SetSignatures(empty); err != nil {
		return nil, err
	}
	signature, err := clienttx.SignWithPrivKey(ctx, signing.SignMode_SIGN_MODE_DIRECT, authsigning.SignerData{
		ChainID: c.tb.ChainID, AccountNumber: number, Sequence: 0, Address: account.Address, PubKey: key.PubKey(),
	}, builder, key, c.ctx.TxConfig, 0)
	if err != nil {
		return nil, err
	}
	if err := builder.SetSignatures(signature); err != nil {
		return nil, err
	}
	raw, err := c.ctx.TxConfig.TxEncoder()(builder.GetTx())
	if err != nil {
		return nil, err
	}
	checked, err := c.ctx.Client.BroadcastTxSync(ctx, raw)
	if err != nil {
		return nil, err
	}
	result := map[string]any{"hash": strings.ToUpper(hex.EncodeToString(checked.Hash)), "code": checked.Code, "codespace": checked.Codespace, "log": checked.Log}
	if checked.Code != 0 {
		return result, nil
	}
	deadline := time.Now().Add(wait)
	for {
		found, err := c.ctx.Client.Tx(ctx, checked.Hash, false)
		// The block that holds it must be the one that queries see.
		if err == nil && c.appHeight() >= found.Height {
			result["height"], result["gas_used"] = found.Height, found.TxResult.GasUsed
			result["code"], result["codespace"], result["log"] = found.TxResult.Code, found.TxResult.Codespace, found.TxResult.Log
			return result, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%v is in no block after %s (paused?)", result["hash"], wait)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// fee reads a coin string, or, without one, works out the least that the node accepts.
func (c *control) fee(fee string, gas uint64) (sdk.Coins, error) {
	if fee != "" {
		return sdk.ParseCoinsNormalized(fee)
	}
	prices, err := sdk.ParseDecCoins(c.tb.MinGasPrices)
	if err != nil {
		return nil, err
	}
	var coins sdk.Coins
	for _, price := range prices {
		coins = coins.Add(sdk.NewCoin(price.Denom, price.Amount.MulInt64(int64(gas)).Ceil().TruncateInt()))
	}
	return coins, nil
}

// timeoutTimestamp gives every transaction a timestamp of its own, well within the chain's limit of ten minutes.
func (c *control) timeoutTimestamp() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := time.Now().Add(5 * time.Minute)
	if !t.After(c.lastTx) {
		t = c.lastTx.Add(time.Nanosecond)
	}
	c.lastTx = t
	return t
}
