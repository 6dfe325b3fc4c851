package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	cmthttp "github.com/cometbft/cometbft/rpc/client/http"
	cmttypes "github.com/cometbft/cometbft/types"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	"github.com/cosmos/cosmos-sdk/crypto/keys/secp256k1"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/query"
	txtypes "github.com/cosmos/cosmos-sdk/types/tx"
	"github.com/cosmos/cosmos-sdk/types/tx/signing"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	apptypes "github.com/pokt-network/poktroll/x/application/types"
	prooftypes "github.com/pokt-network/poktroll/x/proof/types"
	servicetypes "github.com/pokt-network/poktroll/x/service/types"
	sessiontypes "github.com/pokt-network/poktroll/x/session/types"
	sharedtypes "github.com/pokt-network/poktroll/x/shared/types"
	suppliertypes "github.com/pokt-network/poktroll/x/supplier/types"
)

// The test binary is also the program under test: it runs main when this is set.
const reexec = "CHAIN_TESTBED_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(reexec) != "" {
		main()
		return
	}
	configureSDK()
	os.Exit(m.Run())
}

func program(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), reexec+"=1")
	cmd.Stderr = os.Stderr
	return cmd
}

// chain is a running testbed.
type chain struct {
	Ready
	t    *testing.T
	cmd  *exec.Cmd
	conn *grpc.ClientConn
}

func initChain(t *testing.T) (string, Testbed) {
	home := filepath.Join(t.TempDir(), "chain")
	out, err := program("init", "--home", home, "--genesis-spec", "example.yaml").Output()
	require.NoError(t, err)
	var tb Testbed
	require.NoError(t, json.Unmarshal(out, &tb))
	return home, tb
}

func startChain(t *testing.T, home string, args ...string) *chain {
	cmd := program(append([]string{"start", "--home", home}, args...)...)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	c := &chain{t: t, cmd: cmd}
	require.NoError(t, json.Unmarshal([]byte(line), &c.Ready))
	c.conn, err = grpc.NewClient(c.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	return c
}

func (c *chain) stop() time.Duration {
	began := time.Now()
	require.NoError(c.t, c.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(c.t, c.cmd.Wait())
	return time.Since(began)
}

func (c *chain) control(method, path, body string) map[string]any {
	req, err := http.NewRequest(method, c.Control+path, strings.NewReader(body))
	require.NoError(c.t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(c.t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	require.NoError(c.t, err)
	require.Equal(c.t, http.StatusOK, res.StatusCode, string(raw))
	var value map[string]any
	require.NoError(c.t, json.Unmarshal(raw, &value))
	return value
}

func (c *chain) height() int64 { return int64(c.control("GET", "/state", "")["height"].(float64)) }

func TestQueriesOverGRPC(t *testing.T) {
	home, tb := initChain(t)
	c := startChain(t, home, "--block-time", "50ms", "--memory")
	ctx := context.Background()
	address := func(name string) string { a, ok := tb.find(name); require.True(t, ok); return a.Address }

	shared := sharedtypes.NewQueryClient(c.conn)
	params, err := shared.Params(ctx, &sharedtypes.QueryParamsRequest{})
	require.NoError(t, err)
	require.EqualValues(t, 6, params.Params.NumBlocksPerSession)
	atHeight, err := shared.ParamsAtHeight(ctx, &sharedtypes.QueryParamsAtHeightRequest{Height: 1})
	require.NoError(t, err)
	require.EqualValues(t, 6, atHeight.Params.NumBlocksPerSession)

	session, err := sessiontypes.NewQueryClient(c.conn).GetSession(ctx, &sessiontypes.QueryGetSessionRequest{
		ApplicationAddress: address("app1"), ServiceId: "svc-http", BlockHeight: 1,
	})
	require.NoError(t, err)
	require.Len(t, session.Session.Suppliers, 2)
	require.EqualValues(t, 6, session.Session.NumBlocksPerSession)
	t.Log("session", session.Session.Header)

	cupr, err := servicetypes.NewQueryClient(c.conn).ComputeUnitsPerRelayAtHeight(ctx,
		&servicetypes.QueryComputeUnitsPerRelayAtHeightRequest{ServiceId: "svc-http", BlockHeight: 1})
	require.NoError(t, err)
	require.EqualValues(t, 1000, cupr.ComputeUnitsPerRelay)
	difficulty, err := servicetypes.NewQueryClient(c.conn).RelayMiningDifficulty(ctx,
		&servicetypes.QueryGetRelayMiningDifficultyRequest{ServiceId: "svc-http"})
	require.NoError(t, err)
	t.Logf("difficulty %x", difficulty.RelayMiningDifficulty.TargetHash)

	claims, err := prooftypes.NewQueryClient(c.conn).AllClaims(ctx, &prooftypes.QueryAllClaimsRequest{Pagination: &query.PageRequest{Limit: 10}})
	require.NoError(t, err)
	require.Empty(t, claims.Claims)

	supplier, err := suppliertypes.NewQueryClient(c.conn).Supplier(ctx, &suppliertypes.QueryGetSupplierRequest{OperatorAddress: address("supplier1")})
	require.NoError(t, err)
	require.Len(t, supplier.Supplier.Services, 2)
	require.Equal(t, address("owner"), supplier.Supplier.OwnerAddress)
	application, err := apptypes.NewQueryClient(c.conn).Application(ctx, &apptypes.QueryGetApplicationRequest{Address: address("app1")})
	require.NoError(t, err)
	require.Equal(t, []string{address("gateway1")}, application.Application.DelegateeGatewayAddresses)

	// Public keys are on chain from genesis on, save where the spec asks otherwise.
	for name, known := range map[string]bool{"app1": true, "supplier2": true, "gateway1": true, "fresh": false} {
		res, err := authtypes.NewQueryClient(c.conn).Account(ctx, &authtypes.QueryAccountRequest{Address: address(name)})
		require.NoError(t, err)
		var account authtypes.BaseAccount
		require.NoError(t, account.Unmarshal(res.Account.Value))
		require.Equal(t, known, account.PubKey != nil, name)
	}
	c.stop()
}

func TestCometRPC(t *testing.T) {
	home, _ := initChain(t)
	c := startChain(t, home, "--block-time", "100ms", "--memory")
	ctx := context.Background()
	rpc, err := cmthttp.New(c.RPC, "/websocket")
	require.NoError(t, err)
	status, err := rpc.Status(ctx)
	require.NoError(t, err)
	require.Equal(t, "pocket", status.NodeInfo.Network)
	require.False(t, status.SyncInfo.CatchingUp)
	height := int64(1)
	block, err := rpc.Block(ctx, &height)
	require.NoError(t, err)
	require.EqualValues(t, 1, block.Block.Height)
	results, err := rpc.BlockResults(ctx, &height)
	require.NoError(t, err)
	require.NotEmpty(t, results.FinalizeBlockEvents)

	require.NoError(t, rpc.Start())
	blocks, err := rpc.Subscribe(ctx, "test", cmttypes.EventQueryNewBlock.String(), 100)
	require.NoError(t, err)
	var last time.Time
	for i := 0; i < 10; i++ {
		event := <-blocks
		b := event.Data.(cmttypes.EventDataNewBlock).Block
		if i > 0 {
			t.Logf("height %d at +%s", b.Height, time.Since(last).Round(time.Millisecond))
		}
		last = time.Now()
	}
	t.Log("stopped with an open subscription in", c.stop())
}

// unorderedSend builds, by hand and from the protobuf types alone, what a client in any language would.
func unorderedSend(t *testing.T, from Account, number uint64, to string, timeout time.Time, memo string) []byte {
	msg, err := codectypes.NewAnyWithValue(&banktypes.MsgSend{
		FromAddress: from.Address, ToAddress: to, Amount: sdk.NewCoins(sdk.NewInt64Coin("upokt", 7)),
	})
	require.NoError(t, err)
	body, err := (&txtypes.TxBody{Messages: []*codectypes.Any{msg}, Memo: memo, Unordered: true, TimeoutTimestamp: &timeout}).Marshal()
	require.NoError(t, err)
	pub, err := codectypes.NewAnyWithValue(from.key().PubKey().(*secp256k1.PubKey))
	require.NoError(t, err)
	info, err := (&txtypes.AuthInfo{
		SignerInfos: []*txtypes.SignerInfo{{
			PublicKey: pub, Sequence: 0,
			ModeInfo: &txtypes.ModeInfo{Sum: &txtypes.ModeInfo_Single_{Single: &txtypes.ModeInfo_Single{Mode: signing.SignMode_SIGN_MODE_DIRECT}}},
		}},
		Fee: &txtypes.Fee{GasLimit: 200_000, Amount: sdk.NewCoins(sdk.NewInt64Coin("upokt", 1))},
	}).Marshal()
	require.NoError(t, err)
	doc, err := (&txtypes.SignDoc{BodyBytes: body, AuthInfoBytes: info, ChainId: "pocket", AccountNumber: number}).Marshal()
	require.NoError(t, err)
	signature, err := from.key().Sign(doc)
	require.NoError(t, err)
	raw, err := (&txtypes.TxRaw{BodyBytes: body, AuthInfoBytes: info, Signatures: [][]byte{signature}}).Marshal()
	require.NoError(t, err)
	return raw
}

func TestUnorderedTransactions(t *testing.T) {
	home, tb := initChain(t)
	c := startChain(t, home, "--block-time", "100ms", "--memory")
	ctx := context.Background()
	txs := txtypes.NewServiceClient(c.conn)
	from, _ := tb.find("supplier1")
	to, _ := tb.find("fresh")
	res, err := authtypes.NewQueryClient(c.conn).Account(ctx, &authtypes.QueryAccountRequest{Address: from.Address})
	require.NoError(t, err)
	var account authtypes.BaseAccount
	require.NoError(t, account.Unmarshal(res.Account.Value))

	broadcast := func(raw []byte) *sdk.TxResponse {
		res, err := txs.BroadcastTx(ctx, &txtypes.BroadcastTxRequest{TxBytes: raw, Mode: txtypes.BroadcastMode_BROADCAST_MODE_SYNC})
		require.NoError(t, err)
		return res.TxResponse
	}
	until := time.Now().Add(time.Minute).UTC()
	// Five from one account in one go, all with sequence 0.
	var hashes []string
	for i := 0; i < 5; i++ {
		raw := unorderedSend(t, from, account.AccountNumber, to.Address, until.Add(time.Duration(i)), "")
		if i == 0 {
			simulated, err := txs.Simulate(ctx, &txtypes.SimulateRequest{TxBytes: raw})
			require.NoError(t, err)
			t.Log("simulated gas", simulated.GasInfo.GasUsed)
		}
		response := broadcast(raw)
		require.Zero(t, response.Code, response.RawLog)
		hashes = append(hashes, response.TxHash)
	}
	for _, hash := range hashes {
		require.Eventually(t, func() bool {
			found, err := txs.GetTx(ctx, &txtypes.GetTxRequest{Hash: hash})
			return err == nil && found.TxResponse.Code == 0
		}, 5*time.Second, 20*time.Millisecond)
	}
	balance, err := banktypes.NewQueryClient(c.conn).Balance(ctx, &banktypes.QueryBalanceRequest{Address: to.Address, Denom: "upokt"})
	require.NoError(t, err)
	require.EqualValues(t, 5_000_000+5*7, balance.Balance.Amount.Int64())

	// What the chain refuses.
	for name, raw := range map[string][]byte{
		"same timestamp again": unorderedSend(t, from, account.AccountNumber, to.Address, until, "again"),
		"over ten minutes":     unorderedSend(t, from, account.AccountNumber, to.Address, time.Now().Add(11*time.Minute).UTC(), ""),
		"in the past":          unorderedSend(t, from, account.AccountNumber, to.Address, time.Now().Add(-time.Minute).UTC(), ""),
		"wrong account number": unorderedSend(t, from, account.AccountNumber+1, to.Address, until.Add(time.Second), ""),
	} {
		response := broadcast(raw)
		require.NotZero(t, response.Code, name)
		t.Logf("%s: %s/%d %s", name, response.Codespace, response.Code, response.RawLog)
	}
	c.stop()
}

func TestControl(t *testing.T) {
	home, tb := initChain(t)
	c := startChain(t, home, "--block-time", "50ms")

	// A halt: queries and the mempool go on, heights do not.
	require.NoError(t, c.cmd.Process.Signal(syscall.SIGUSR1))
	time.Sleep(200 * time.Millisecond)
	height := c.height()
	time.Sleep(300 * time.Millisecond)
	require.Equal(t, height, c.height())
	ctx := context.Background()
	_, err := sharedtypes.NewQueryClient(c.conn).Params(ctx, &sharedtypes.QueryParamsRequest{})
	require.NoError(t, err)
	began := time.Now()
	require.EqualValues(t, height+20, c.control("POST", "/advance?n=20", "")["height"])
	t.Log("20 blocks in", time.Since(began))
	require.NoError(t, c.cmd.Process.Signal(syscall.SIGUSR2))
	require.Eventually(t, func() bool { return c.height() > height+22 }, 5*time.Second, 10*time.Millisecond)

	// Params through the authority: one module takes effect at once, session timing with the next session.
	res := c.control("POST", "/params/proof", `{"proof_request_probability": 1, "proof_missing_penalty": "5upokt"}`)
	require.Zero(t, res["code"], res["log"])
	require.EqualValues(t, 1, c.control("GET", "/params/proof", "")["proof_request_probability"])
	res = c.control("POST", "/params/shared", `{"num_blocks_per_session": 10}`)
	require.Zero(t, res["code"], res["log"])
	require.Eventually(t, func() bool {
		return c.control("GET", "/params/shared", "")["num_blocks_per_session"] == "10"
	}, 5*time.Second, 20*time.Millisecond)
	first, err := sharedtypes.NewQueryClient(c.conn).ParamsAtHeight(ctx, &sharedtypes.QueryParamsAtHeightRequest{Height: 2})
	require.NoError(t, err)
	require.EqualValues(t, 6, first.Params.NumBlocksPerSession)

	// Any transaction: a stake message signed with a spec's key.
	supplier, _ := tb.find("supplier1")
	res = c.control("POST", "/tx?from=supplier1", fmt.Sprintf(
		`{"@type":"/pocket.supplier.MsgUnstakeSupplier","signer":%q,"operator_address":%q}`, supplier.Address, supplier.Address))
	require.Zero(t, res["code"], res["log"])
	res = c.control("POST", "/tx?from=dao", fmt.Sprintf(`{"@type":"/pocket.service.MsgAddService","owner_address":%q,
		"service":{"id":"svc-new","name":"new","compute_units_per_relay":"5","owner_address":%q}}`, mustAddress(t, tb, "dao"), mustAddress(t, tb, "dao")))
	t.Log("add service:", res)

	// Kept over a restart.
	height = c.height()
	t.Log("stopped in", c.stop())
	began = time.Now()
	c = startChain(t, home, "--paused")
	t.Log("restarted in", time.Since(began), "at height", c.Height)
	require.GreaterOrEqual(t, c.Height, height)
	require.Equal(t, "10", c.control("GET", "/params/shared", "")["num_blocks_per_session"])
	time.Sleep(300 * time.Millisecond)
	require.Equal(t, c.Height, c.height())
	c.stop()
}

func mustAddress(t *testing.T, tb Testbed, name string) string {
	a, ok := tb.find(name)
	require.True(t, ok)
	return a.Address
}

func TestSpecRefusals(t *testing.T) {
	example, err := os.ReadFile("example.yaml")
	require.NoError(t, err)
	for name, edit := range map[string][2]string{
		"unknown key":       {"block_time:", "blocktime:"},
		"unknown account":   {"delegates_to: [gateway1]", "delegates_to: [nobody]"},
		"unknown param":     {"num_blocks_per_session:", "num_blocks_in_session:"},
		"bad rpc type":      {"rpc_type: JSON_RPC", "rpc_type: JSONRPC"},
		"params at odds":    {"claim_window_close_offset_blocks: 4", "claim_window_close_offset_blocks: 40"},
		"foreign key share": {"percent: 60", "percent: 70"},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "spec.yaml")
		require.NoError(t, os.WriteFile(path, bytes.Replace(example, []byte(edit[0]), []byte(edit[1]), 1), 0o600))
		spec, err := loadSpec(path)
		if err == nil {
			_, err = initHome(filepath.Join(dir, "home"), spec)
		}
		require.Error(t, err, name)
		t.Logf("%s: %v", name, err)
	}
}

// A restart in the same home may run with other limits.
func TestNodeLimits(t *testing.T) {
	home, tb := initChain(t)
	startChain(t, home, "--block-time", "50ms").stop()
	c := startChain(t, home, "--block-time", "50ms", "--max-tx-bytes", "1000", "--min-gas-prices", "1upokt", "--mempool-txs", "2")
	address := mustAddress(t, tb, "dao")
	send := fmt.Sprintf(`{"@type":"/cosmos.bank.v1beta1.MsgSend","from_address":%q,"to_address":%q,"amount":[{"denom":"upokt","amount":"1"}]}`, address, address)
	require.Zero(t, c.control("POST", "/tx?from=dao", send)["code"])
	refused := c.control("POST", "/tx?from=dao&fee=1upokt", send)
	require.EqualValues(t, 13, refused["code"], "insufficient fee: %v", refused["log"])
	res, err := http.Post(c.Control+"/tx?from=dao", "application/json", strings.NewReader("["+strings.Repeat(send+",", 20)+send+"]"))
	require.NoError(t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Contains(t, string(raw), "too large")
	// The third transaction finds the mempool full.
	c.control("POST", "/pause", "")
	for i := 0; i < 2; i++ {
		_, err := http.Post(c.Control+"/tx?from=dao&timeout=1ms", "application/json", strings.NewReader(send))
		require.NoError(t, err)
	}
	res, err = http.Post(c.Control+"/tx?from=dao&timeout=1ms", "application/json", strings.NewReader(send))
	require.NoError(t, err)
	defer res.Body.Close()
	raw, err = io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Contains(t, string(raw), "mempool")
	c.stop()
}
