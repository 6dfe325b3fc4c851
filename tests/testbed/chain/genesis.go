package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"time"

	sdkmath "cosmossdk.io/math"
	cmted25519 "github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
	cmttypes "github.com/cometbft/cometbft/types"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	cryptocodec "github.com/cosmos/cosmos-sdk/crypto/codec"
	sdk "github.com/cosmos/cosmos-sdk/types"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	"github.com/cosmos/cosmos-sdk/x/authz"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"
	genutiltypes "github.com/cosmos/cosmos-sdk/x/genutil/types"
	govtypes "github.com/cosmos/cosmos-sdk/x/gov/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"
	"github.com/cosmos/gogoproto/proto"

	"github.com/pokt-network/poktroll/app"
	"github.com/pokt-network/poktroll/app/pocket"
)

const validatorName = "validator" // reserved account name: the validator's operator

// initHome writes keys, genesis and testbed.json under home and returns what it wrote.
func initHome(home string, spec *Spec) (*Testbed, error) {
	if _, err := os.Stat(testbedFile(home)); err == nil {
		return nil, fmt.Errorf("%s is already initialised", home)
	}
	for _, dir := range []string{"config", "data"} {
		if err := os.MkdirAll(filepath.Join(home, dir), 0o755); err != nil {
			return nil, err
		}
	}
	tb := &Testbed{
		ChainID:      spec.ChainID,
		Home:         home,
		BlockTime:    spec.BlockTime,
		MinGasPrices: spec.MinGasPrices,
		GovAddress:   authtypes.NewModuleAddress(govtypes.ModuleName).String(),
		Authority:    spec.Authority,
	}

	// The node's keys are derived, so that the same spec gives the same chain.
	consensusKey := cmted25519.GenPrivKeyFromSecret([]byte("chain-testbed/validator/" + spec.ChainID))
	nodeKey := &p2p.NodeKey{PrivKey: cmted25519.GenPrivKeyFromSecret([]byte("chain-testbed/node/" + spec.ChainID))}
	privval.NewFilePV(consensusKey, privValKeyFile(home), privValStateFile(home)).Save()
	if err := nodeKey.SaveAs(nodeKeyFile(home)); err != nil {
		return nil, err
	}

	g, err := newGenesis(spec, tb)
	if err != nil {
		return nil, err
	}
	for _, step := range []func() error{
		g.accounts,
		func() error { return g.validator(consensusKey) },
		g.services, g.gateways, g.applications, g.suppliers,
		g.authority, g.balances, g.overrides,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	if err := g.write(genesisFile(home)); err != nil {
		return nil, err
	}
	return tb, writeJSON(testbedFile(home), tb)
}

// genesis builds an app state from the chain's own default genesis.
type genesis struct {
	spec *Spec
	tb   *Testbed
	app  *app.App

	state map[string]json.RawMessage
	bank  map[string]sdk.Coins // address -> balance
}

func newGenesis(spec *Spec, tb *Testbed) (*genesis, error) {
	scratch, err := scratchApp(tb.ChainID)
	if err != nil {
		return nil, err
	}
	g := &genesis{spec: spec, tb: tb, app: scratch, state: scratch.DefaultGenesis(), bank: map[string]sdk.Coins{}}
	// The SDK's defaults speak of "stake"; this chain has one staking denom.
	for name, raw := range g.state {
		if len(raw) == 0 { // a module without genesis state
			delete(g.state, name)
			continue
		}
		g.state[name] = json.RawMessage(strings.ReplaceAll(string(raw), `"`+sdk.DefaultBondDenom+`"`, `"`+pocket.DenomuPOKT+`"`))
	}
	// Emission is the tokenomics module's business (as on every public Pocket network).
	return g, g.merge("mint", map[string]any{"params": map[string]any{
		"inflation_rate_change": "0.0", "inflation_max": "0.0", "inflation_min": "0.0",
	}})
}

// load and store convert a module's genesis state to and from its typed form.
func (g *genesis) load(module string, into proto.Message) error {
	return g.app.AppCodec().UnmarshalJSON(g.state[module], into)
}

func (g *genesis) store(module string, from proto.Message) error {
	raw, err := g.app.AppCodec().MarshalJSON(from)
	g.state[module] = raw
	return err
}

// fund adds to a balance; coins is a coin string and may be empty.
func (g *genesis) fund(address, coins string) (sdk.Coins, error) {
	parsed, err := sdk.ParseCoinsNormalized(coins)
	if err != nil {
		return nil, fmt.Errorf("amount %q: %w", coins, err)
	}
	g.bank[address] = g.bank[address].Add(parsed...)
	return parsed, nil
}

// stake parses one coin and puts it into a module's pool.
func (g *genesis) stake(module, coin string) (*sdk.Coin, error) {
	coins, err := g.fund(authtypes.NewModuleAddress(module).String(), coin)
	if err != nil {
		return nil, err
	}
	if len(coins) != 1 {
		return nil, fmt.Errorf("stake %q is not one coin", coin)
	}
	return &coins[0], nil
}

func (g *genesis) accounts() error {
	specs := append([]AccountSpec{{Name: validatorName}}, g.spec.Accounts...)
	seen := map[string]bool{}
	var list []authtypes.GenesisAccount
	for _, spec := range specs {
		account, err := resolveAccount(spec)
		if err != nil {
			return err
		}
		if spec.Name == "" || seen[spec.Name] || seen[account.Address] {
			return fmt.Errorf("account %q (%s): no name, or listed twice", spec.Name, account.Address)
		}
		seen[spec.Name], seen[account.Address] = true, true
		g.tb.Accounts = append(g.tb.Accounts, account)
		if spec.Absent {
			continue
		}
		base := &authtypes.BaseAccount{Address: account.Address, AccountNumber: uint64(len(list))}
		if key := account.key(); key != nil && !spec.NoPubKey {
			if err := base.SetPubKey(key.PubKey()); err != nil {
				return err
			}
		}
		list = append(list, base)
		if _, err := g.fund(account.Address, spec.Balance); err != nil {
			return fmt.Errorf("account %q: %w", spec.Name, err)
		}
	}
	packed, err := authtypes.PackAccounts(list)
	if err != nil {
		return err
	}
	state := &authtypes.GenesisState{}
	if err := g.load(authtypes.ModuleName, state); err != nil {
		return err
	}
	state.Accounts = packed
	return g.store(authtypes.ModuleName, state)
}

// validator enters one validator as "unbonded": staking's InitGenesis then bonds it itself and so runs
// every hook (distribution, slashing), which a genesis entry with status "bonded" would skip.
func (g *genesis) validator(key cmted25519.PrivKey) error {
	stake, err := g.stake(stakingtypes.NotBondedPoolName, g.spec.Validator.Stake)
	if err != nil {
		return err
	}
	operator, _ := g.tb.find(validatorName)
	address, err := sdk.AccAddressFromBech32(operator.Address)
	if err != nil {
		return err
	}
	pub, err := cryptocodec.FromCmtPubKeyInterface(key.PubKey())
	if err != nil {
		return err
	}
	packed, err := codectypes.NewAnyWithValue(pub)
	if err != nil {
		return err
	}
	state := &stakingtypes.GenesisState{}
	if err := g.load(stakingtypes.ModuleName, state); err != nil {
		return err
	}
	valoper := sdk.ValAddress(address).String()
	state.Params.MaxValidators = 1
	state.Validators = []stakingtypes.Validator{{
		OperatorAddress: valoper,
		ConsensusPubkey: packed,
		Status:          stakingtypes.Unbonded,
		Tokens:          stake.Amount,
		DelegatorShares: sdkmath.LegacyNewDecFromInt(stake.Amount),
		Description:     stakingtypes.Description{Moniker: validatorName},
		Commission: stakingtypes.NewCommission(
			sdkmath.LegacyNewDecWithPrec(1, 1), sdkmath.LegacyNewDecWithPrec(2, 1), sdkmath.LegacyNewDecWithPrec(1, 2)),
		MinSelfDelegation: sdkmath.OneInt(),
	}}
	state.Delegations = []stakingtypes.Delegation{
		stakingtypes.NewDelegation(operator.Address, valoper, sdkmath.LegacyNewDecFromInt(stake.Amount)),
	}
	return g.store(stakingtypes.ModuleName, state)
}

// authority grants the spec's authority account, from the gov module account, every message that only the
// governance authority may send. This is how the public networks let their foundation set params.
func (g *genesis) authority() error {
	if g.spec.Authority == "" {
		return nil
	}
	account, ok := g.tb.find(g.spec.Authority)
	if !ok {
		return fmt.Errorf("authority %q is not an account of the spec", g.spec.Authority)
	}
	state := &authz.GenesisState{}
	if err := g.load(authz.ModuleName, state); err != nil {
		return err
	}
	never := time.Date(2500, 1, 1, 0, 0, 0, 0, time.UTC)
	governed := regexp.MustCompile(`^/(pocket|cosmos)\.[a-z0-9.]+\.Msg(UpdateParams?|SoftwareUpgrade|CancelUpgrade)$`)
	urls := g.app.AppCodec().InterfaceRegistry().ListImplementations(sdk.MsgInterfaceProtoName)
	sort.Strings(urls)
	for _, url := range urls {
		if !governed.MatchString(url) {
			continue
		}
		packed, err := codectypes.NewAnyWithValue(authz.NewGenericAuthorization(url))
		if err != nil {
			return err
		}
		state.Authorization = append(state.Authorization, authz.GrantAuthorization{
			Granter: g.tb.GovAddress, Grantee: account.Address, Authorization: packed, Expiration: &never,
		})
	}
	return g.store(authz.ModuleName, state)
}

// balances writes the bank's state; the bank derives the supply from it.
func (g *genesis) balances() error {
	state := &banktypes.GenesisState{}
	if err := g.load(banktypes.ModuleName, state); err != nil {
		return err
	}
	for address, coins := range g.bank {
		if !coins.IsZero() {
			state.Balances = append(state.Balances, banktypes.Balance{Address: address, Coins: coins})
		}
	}
	state.Balances = banktypes.SanitizeGenesisBalances(state.Balances)
	return g.store(banktypes.ModuleName, state)
}

func (g *genesis) write(path string) error {
	state, err := json.Marshal(g.state)
	if err != nil {
		return err
	}
	doc := genutiltypes.NewAppGenesisWithVersion(g.spec.ChainID, state)
	doc.AppName, doc.InitialHeight = app.Name, 1
	doc.GenesisTime = time.Now().UTC()
	if g.spec.GenesisTime != nil {
		doc.GenesisTime = g.spec.GenesisTime.UTC()
	}
	doc.Consensus.Params = cmttypes.DefaultConsensusParams()
	if len(g.spec.Consensus) > 0 {
		if doc.Consensus.Params, err = mergeConsensusParams(doc.Consensus.Params, g.spec.Consensus); err != nil {
			return fmt.Errorf("consensus: %w", err)
		}
	}
	if err := doc.ValidateAndComplete(); err != nil {
		return err
	}
	return doc.SaveAs(path)
}
